// The parts of a title's page that are lists.
package main

import (
	"database/sql"
)

func (s *snapshot) peopleLoad(p *page, id int64, language string) error {
	var positions, ids []int64
	err := s.each("credits_list", id, func(rows *sql.Rows) error {
		var position, of int64
		var one person
		if err := rows.Scan(&position, &of, &one.Role); err != nil {
			return err
		}
		one.ID = idText(of)
		positions, ids = append(positions, position), append(ids, of)
		p.People = append(p.People, one)
		return nil
	})
	if err != nil {
		return err
	}
	characters := map[int64]*choice{}
	err = s.each("credit_texts_list", id, func(rows *sql.Rows) error {
		var position int64
		var of, value string
		if err := rows.Scan(&position, &of, &value); err != nil {
			return err
		}
		if characters[position] == nil {
			made := choose(language, "")
			characters[position] = &made
		}
		characters[position].offer(of, value)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range p.People {
		if character := characters[positions[i]]; character != nil {
			p.People[i].Character = textOrNil(character.best)
		}
		if p.People[i].Name, err = s.text("person_texts_list", ids[i], "name", language); err != nil {
			return err
		}
	}
	return nil
}

// One field of what has texts: rows of (field, language, value).
func (s *snapshot) text(query string, id int64, field, language string) (string, error) {
	best := choose(language, "")
	err := s.each(query, id, func(rows *sql.Rows) error {
		var name, of, value string
		if err := rows.Scan(&name, &of, &value); err != nil {
			return err
		}
		if name == field {
			best.offer(of, value)
		}
		return nil
	})
	return best.best, err
}

func (s *snapshot) editionsLoad(p *page, id int64, _ string) error {
	return s.each("editions_list", id, func(rows *sql.Rows) error {
		var number, asset int64
		var one edition
		var audio, subtitles, unavailable string
		err := rows.Scan(&number, &one.Kind, &one.Name, &asset, &one.DurationMs, &one.Width,
			&one.Height, &audio, &subtitles, &unavailable)
		if err != nil {
			return err
		}
		one.ID, one.Playable = idText(number), true
		one.Audio, one.Subtitles = []byte(audio), []byte(subtitles)
		one.Unavailable = []byte(unavailable)
		if one.Kind == "feature" {
			p.Editions = append(p.Editions, one)
		} else {
			p.Extras = append(p.Extras, one)
		}
		return nil
	})
}

func (s *snapshot) externalIDsLoad(p *page, id int64, _ string) error {
	return s.each("external_ids_list", id, func(rows *sql.Rows) error {
		var provider, value string
		if err := rows.Scan(&provider, &value); err != nil {
			return err
		}
		p.ExternalIDs[provider] = value
		return nil
	})
}

func (s *snapshot) collectionsLoad(p *page, id int64, language string) error {
	var ids []int64
	err := s.each("collections_of_title_list", id, func(rows *sql.Rows) error {
		var of int64
		if err := rows.Scan(&of); err != nil {
			return err
		}
		ids = append(ids, of)
		return nil
	})
	for i := 0; i < len(ids) && err == nil; i++ {
		one := collection{ID: idText(ids[i])}
		one.Name, err = s.text("collection_texts_list", ids[i], "name", language)
		p.Collections = append(p.Collections, one)
	}
	return err
}
