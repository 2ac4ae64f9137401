package config

import (
	"regexp"
	"strings"
)

// Setting is one setting in force.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`  // as it was written, secrets masked
	Origin string `json:"origin"` // OriginDefault, "--data", "GATEHOUSE_DATA" or "gatehouse.yaml:3"
}

// OriginDefault is the Origin of a setting that nobody set.
const OriginDefault = "default"

// Origin returns who set the setting called name.
func (c Config) Origin(name string) string {
	for _, s := range c.effective {
		if s.Name == name {
			return s.Origin
		}
	}
	return OriginDefault
}

// Effective returns every setting as Load found it, in the order of the manual.
func (c Config) Effective() []Setting { return c.effective }

func plain(text string) string { return text }

func mask(text string) string {
	if text == "" {
		return ""
	}
	return masked
}

var passwordParam = regexp.MustCompile(`(?i)([?&][a-z]*password=)[^&]*`)

// maskURL hides the passwords of a database URL. It works on the text, because a URL
// too odd to parse must not be shown either, and rather hides too much: a password
// that nobody escaped may hold any of the signs that end one.
func maskURL(text string) string {
	text = passwordParam.ReplaceAllString(text, "${1}"+masked)
	scheme, rest, ok := strings.Cut(text, "://")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return text
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if !hasPassword {
		return text
	}
	return scheme + "://" + user + ":" + masked + rest[at:]
}
