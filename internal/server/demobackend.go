package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/gatehouse/gatehouse/internal/respond"
)

// newsroom is the backend of the demo's API: a small one, but a real one.
type newsroom struct {
	mu       sync.Mutex
	articles []article // the newest first
}

type article struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
}

// maxArticles bounds what the demo keeps: the oldest goes.
const maxArticles = 100

func newNewsroom() http.Handler {
	n := &newsroom{articles: []article{
		{ID: "2", Title: "A second gate", Text: "The north wall has one now."},
		{ID: "1", Title: "The gatehouse is open", Text: "Bring a token."},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/articles", n.list)
	mux.HandleFunc("POST /v1/articles", n.write)
	mux.HandleFunc("GET /v1/articles/{id}", n.read)
	mux.HandleFunc("PUT /v1/articles/{id}", n.change)
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		respond.JSON(w, http.StatusOK, map[string]string{"newsroom": "open"})
	})
	return mux
}

func (n *newsroom) list(w http.ResponseWriter, _ *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	respond.JSON(w, http.StatusOK, n.articles)
}

func (n *newsroom) read(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.find(r.PathValue("id")); i >= 0 {
		respond.JSON(w, http.StatusOK, n.articles[i])
		return
	}
	http.Error(w, "there is no such article", http.StatusNotFound)
}

func (n *newsroom) write(w http.ResponseWriter, r *http.Request) {
	a, err := readArticle(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	last, _ := strconv.Atoi(n.articles[0].ID)
	a.ID = strconv.Itoa(last + 1)
	n.articles = slices.Insert(n.articles, 0, a)
	n.articles = n.articles[:min(len(n.articles), maxArticles)]
	respond.JSON(w, http.StatusCreated, a)
}

func (n *newsroom) change(w http.ResponseWriter, r *http.Request) {
	a, err := readArticle(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.find(r.PathValue("id"))
	if i < 0 {
		http.Error(w, "there is no such article", http.StatusNotFound)
		return
	}
	a.ID = n.articles[i].ID
	n.articles[i] = a
	respond.JSON(w, http.StatusOK, a)
}

func (n *newsroom) find(id string) int {
	return slices.IndexFunc(n.articles, func(a article) bool { return a.ID == id })
}

func readArticle(w http.ResponseWriter, r *http.Request) (article, error) {
	var a article
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&a); err != nil {
		return a, fmt.Errorf("an article is JSON like {\"title\":\"…\",\"text\":\"…\"}")
	}
	if a.Title == "" || len(a.Title) > 200 {
		return a, fmt.Errorf("an article needs a title of 1 to 200 bytes")
	}
	return a, nil
}
