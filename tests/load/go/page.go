// The page of a title: what it says, and how it is put together.
package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

type person struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Role      string  `json:"role"`
	Character *string `json:"character"`
}

type edition struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Kind        string          `json:"kind"`
	DurationMs  int64           `json:"duration_ms"`
	Width       int64           `json:"width"`
	Height      int64           `json:"height"`
	Playable    bool            `json:"playable"`
	Audio       json.RawMessage `json:"audio"`
	Subtitles   json.RawMessage `json:"subtitles"`
	Unavailable json.RawMessage `json:"subtitles_unavailable"`
}

type collection struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type page struct {
	ID            string            `json:"id"`
	Kind          string            `json:"kind"`
	Status        string            `json:"status"`
	Title         string            `json:"title"`
	OriginalTitle string            `json:"original_title"`
	Synopsis      string            `json:"synopsis"`
	Tagline       string            `json:"tagline"`
	Year          *int64            `json:"year"`
	RuntimeMin    *int64            `json:"runtime_min"`
	Genres        []string          `json:"genres"`
	Countries     []string          `json:"countries"`
	Languages     []string          `json:"languages"`
	AgeRating     *string           `json:"age_rating"`
	Poster        *string           `json:"poster"`
	Backdrop      *string           `json:"backdrop"`
	Playable      bool              `json:"playable"`
	People        []person          `json:"people"`
	Editions      []edition         `json:"editions"`
	Extras        []edition         `json:"extras"`
	Seasons       []struct{}        `json:"seasons"`
	Collections   []collection      `json:"collections"`
	ExternalIDs   map[string]string `json:"external_ids"`
	SeriesID      *string           `json:"series_id"`
	Season        *int64            `json:"season"`
	Episode       *int64            `json:"episode"`
	AvailableFrom *string           `json:"available_from"`
	AvailableTo   *string           `json:"available_to"`
	Version       int64             `json:"version"`
	UpdatedAt     string            `json:"updated_at"`
}

var errNoFilm = errors.New("only films are served here")

func idText(id int64) string {
	return strconv.FormatInt(id, 10)
}

func instant(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000000Z")
}

func instantOrNil(micros *int64) *string {
	if micros == nil {
		return nil
	}
	text := instant(*micros)
	return &text
}

func words(text string) []string {
	return append([]string{}, strings.Fields(text)...)
}

func textOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// The text in the language, else one of none, the original's, English's, any.
type choice struct {
	language, original string
	best               string
	distance           int
}

func choose(language, original string) choice {
	return choice{language: language, original: original, distance: 5}
}

func (c *choice) offer(language, value string) {
	distance := 4
	switch {
	case strings.EqualFold(language, c.language):
		distance = 0
	case language == "":
		distance = 1
	case c.original != "" && strings.EqualFold(language, c.original):
		distance = 2
	case language == "en":
		distance = 3
	}
	if distance < c.distance {
		c.distance, c.best = distance, value
	}
}

func (s *snapshot) page(id int64, language string) (*page, error) {
	p := &page{ID: idText(id), People: []person{}, Editions: []edition{}, Extras: []edition{},
		Seasons: []struct{}{}, Collections: []collection{}, ExternalIDs: map[string]string{}}
	steps := []func(*page, int64, string) error{s.titleLoad, s.artworkLoad, s.peopleLoad,
		s.editionsLoad, s.externalIDsLoad, s.collectionsLoad}
	for _, step := range steps {
		if err := step(p, id, language); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (s *snapshot) titleLoad(p *page, id int64, language string) error {
	var series, season, episode, from, to, ageMin *int64
	var original, genres, countries, languages, rating string
	var playable, added, updated int64
	err := s.one("title_get", id, &id, &p.Kind, &series, &season, &episode, &p.OriginalTitle,
		&original, &p.Year, &p.RuntimeMin, &genres, &countries, &languages, &ageMin, &rating,
		&p.Status, &from, &to, &playable, &added, &updated, &p.Version)
	if err != nil {
		return err
	}
	if p.Kind != "film" {
		return errNoFilm
	}
	p.Genres, p.Countries, p.Languages = words(genres), words(countries), words(languages)
	p.AgeRating = textOrNil(rating)
	p.Playable = playable != 0
	p.AvailableFrom, p.AvailableTo = instantOrNil(from), instantOrNil(to)
	p.UpdatedAt = instant(updated)
	return s.textsLoad(p, id, language, original)
}

func (s *snapshot) textsLoad(p *page, id int64, language, original string) error {
	title, synopsis := choose(language, original), choose(language, original)
	tagline := choose(language, original)
	err := s.each("title_texts_list", id, func(rows *sql.Rows) error {
		var field, of, value string
		if err := rows.Scan(&field, &of, &value); err != nil {
			return err
		}
		switch field {
		case "title":
			title.offer(of, value)
		case "synopsis":
			synopsis.offer(of, value)
		case "tagline":
			tagline.offer(of, value)
		}
		return nil
	})
	p.Title, p.Synopsis, p.Tagline = title.best, synopsis.best, tagline.best
	if title.distance > 2 && p.OriginalTitle != "" {
		p.Title = p.OriginalTitle
	}
	return err
}

func (s *snapshot) artworkLoad(p *page, id int64, _ string) error {
	return s.each("artwork_list", id, func(rows *sql.Rows) error {
		var picture, locked int64
		var kind, hash, source string
		if err := rows.Scan(&picture, &kind, &hash, &source, &locked); err != nil {
			return err
		}
		if len(hash) > 12 {
			hash = hash[:12]
		}
		url := fmt.Sprintf("/artwork/%d?v=%s", picture, hash)
		switch kind {
		case "poster":
			p.Poster = &url
		case "backdrop", "still":
			p.Backdrop = &url
		}
		return nil
	})
}
