package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// asset is one file under /static/, ready to be sent.
type asset struct {
	path   string // with the hash of the content in its name
	kind   string // Content-Type
	plain  []byte
	zipped []byte
}

// assets by the name that templates use. A file's content never changes under its
// path, so browsers may keep it for ever.
var assets = map[string]asset{
	"app.css":   newAsset("app.css", stylesheet()),
	"app.js":    newAsset("app.js", file("static/app.js")),
	"icons.svg": newAsset("icons.svg", file("static/icons.svg")),
	"logo.svg":  newAsset("logo.svg", file("static/logo.svg")),
}

// stylesheet joins the style files in the order of their names: one request.
func stylesheet() []byte {
	names, err := fs.Glob(static, "static/css/*.css")
	if err != nil {
		panic(err) // the pattern above is a constant
	}
	var sheet []byte
	for _, name := range names {
		sheet = append(sheet, file(name)...)
	}
	return sheet
}

func file(name string) []byte {
	content, err := static.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the binary
	}
	return content
}

func newAsset(name string, content []byte) asset {
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	z.Write(content) // a bytes.Buffer takes everything
	z.Close()
	return asset{
		path:   "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
		kind:   mime.TypeByExtension(ext),
		plain:  content,
		zipped: zipped.Bytes(),
	}
}

// Static serves the assets. It belongs at "GET /static/".
func Static() http.Handler {
	byPath := map[string]asset{}
	for _, a := range assets {
		byPath[a.path] = a
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byPath[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", a.kind)
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("Vary", "Accept-Encoding")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'")
		body := a.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			body = a.zipped
		}
		w.Write(body)
	})
}
