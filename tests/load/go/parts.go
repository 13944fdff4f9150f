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
	characters, err := s.texts("credit_texts_list", id, language)
	if err != nil {
		return err
	}
	names, err := s.texts("credit_names_list", id, language)
	if err != nil {
		return err
	}
	for i := range p.People {
		p.People[i].Character = textOrNil(characters[positions[i]].best)
		p.People[i].Name = names[ids[i]].best
	}
	return nil
}

// The texts of many things, by their keys: rows of (key, language, value).
func (s *snapshot) texts(query string, id int64, language string) (map[int64]choice, error) {
	texts := map[int64]choice{}
	err := s.each(query, id, func(rows *sql.Rows) error {
		var key int64
		var of, value string
		if err := rows.Scan(&key, &of, &value); err != nil {
			return err
		}
		text, found := texts[key]
		if !found {
			text = choose(language, "")
		}
		text.offer(of, value)
		texts[key] = text
		return nil
	})
	return texts, err
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
	if err != nil {
		return err
	}
	names, err := s.texts("collection_names_of_title_list", id, language)
	for _, of := range ids {
		p.Collections = append(p.Collections, collection{idText(of), names[of].best})
	}
	return err
}
