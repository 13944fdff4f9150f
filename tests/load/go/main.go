// title-server: what the bench compares our reading of a title with: the same statements, the same answer
// byte for byte, written as a good Go service would have it: net/http, database/sql with lib/pq, a pool,
// prepared statements, encoding/json. Prints its port.
//
//	title-server -db URL -sql QUERIES.SQL [-pool 16]
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	_ "github.com/lib/pq"
)

type server struct {
	store *store
}

// The primary subtag of ?lang=, else of Accept-Language, else English.
func language(request *http.Request) string {
	tag := request.URL.Query().Get("lang")
	if tag == "" {
		tag = request.Header.Get("Accept-Language")
	}
	end := 0
	for end < len(tag) && tag[end]|0x20 >= 'a' && tag[end]|0x20 <= 'z' {
		end++
	}
	if end < 2 || end > 3 {
		return "en"
	}
	return tag[:end]
}

func (s *server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	number := strings.TrimPrefix(request.URL.Path, "/v1/titles/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || len(number) == len(request.URL.Path) {
		http.NotFound(writer, request)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), 10*time.Second)
	defer cancel()
	page, err := s.store.title(ctx, id, language(request))
	if errors.Is(err, sql.ErrNoRows) {
		http.NotFound(writer, request)
		return
	}
	if err != nil {
		log.Print(err)
		http.Error(writer, "database", http.StatusServiceUnavailable)
		return
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(page); err != nil {
		log.Print(err)
		http.Error(writer, "json", http.StatusInternalServerError)
		return
	}
	body := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	hash := fnv.New64a()
	hash.Write(body)
	header := writer.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("ETag", fmt.Sprintf("\"%d-%016x\"", page.Version, hash.Sum64()))
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept-Language, Accept-Encoding")
	writer.Write(body)
}

func main() {
	url := flag.String("db", "", "PostgreSQL's URL")
	queries := flag.String("sql", "", "the catalogue's named queries")
	pool := flag.Int("pool", 16, "connections")
	flag.Parse()
	db, err := sql.Open("postgres", *url)
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(*pool)
	db.SetMaxIdleConns(*pool)
	titles, err := storeOpen(db, *queries)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, &server{titles}))
}
