// The statements, as the catalogue has them, and a title read by them.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// The catalogue's own named queries, so that both sides always ask the same.
var wanted = []string{
	"title_shown_find", "title_get", "title_texts_list", "artwork_list", "credits_list",
	"credit_texts_list", "credit_names_list", "editions_list", "external_ids_list",
	"collections_of_title_list", "collection_names_of_title_list",
}

var parameter = regexp.MustCompile(`\?([0-9]+)`)

func queriesRead(path string) (map[string]string, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	queries := map[string]string{}
	for _, part := range strings.Split(string(file), "-- name: ")[1:] {
		head, text, _ := strings.Cut(part, "\n")
		name, _, _ := strings.Cut(head, " ")
		queries[name] = parameter.ReplaceAllString(text, "$$$1")
	}
	return queries, nil
}

type store struct {
	db         *sql.DB
	statements map[string]*sql.Stmt
}

func storeOpen(db *sql.DB, path string) (*store, error) {
	queries, err := queriesRead(path)
	if err != nil {
		return nil, err
	}
	s := &store{db, map[string]*sql.Stmt{}}
	for _, name := range wanted {
		text, found := queries[name]
		if !found {
			return nil, fmt.Errorf("%s has no query %s", path, name)
		}
		if s.statements[name], err = db.Prepare(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// A snapshot, as the catalogue reads in one: what the page says is of one moment.
type snapshot struct {
	store *store
	tx    *sql.Tx
	ctx   context.Context
}

func (s *snapshot) one(name string, id int64, out ...interface{}) error {
	return s.tx.StmtContext(s.ctx, s.store.statements[name]).QueryRowContext(s.ctx, id).Scan(out...)
}

// Calls scan for every row of a query by an id.
func (s *snapshot) each(name string, id int64, scan func(rows *sql.Rows) error) error {
	rows, err := s.tx.StmtContext(s.ctx, s.store.statements[name]).QueryContext(s.ctx, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *snapshot) shown(id int64) error {
	var shown int64
	statement := s.tx.StmtContext(s.ctx, s.store.statements["title_shown_find"])
	return statement.QueryRowContext(s.ctx, id, time.Now().UnixMicro()).Scan(&shown)
}

func (s *store) title(ctx context.Context, id int64, language string) (*page, error) {
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	tx, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	read := &snapshot{s, tx, ctx}
	if err := read.shown(id); err != nil {
		return nil, err
	}
	result, err := read.page(id, language)
	if err != nil {
		return nil, err
	}
	return result, tx.Commit()
}
