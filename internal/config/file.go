package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	fileName    = "gatehouse.yaml"
	maxFileSize = 1 << 20
)

// readFile reads the settings file: the chosen one, which must be there, or
// gatehouse.yaml in dir, which need not.
func readFile(chosen, dir string) ([]given, []string) {
	shown, path := fileName, filepath.Join(dir, fileName)
	if chosen != "" {
		shown, path = chosen, chosen
		if !filepath.IsAbs(chosen) {
			path = filepath.Join(dir, chosen)
		}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && chosen == "" {
		return nil, nil
	}
	if err != nil {
		return nil, []string{err.Error()}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, []string{err.Error()}
	}
	if len(text) > maxFileSize {
		return nil, []string{fmt.Sprintf("%s: larger than %d bytes, which no file of settings is", shown, maxFileSize)}
	}
	return parseFile(shown, text)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parseFile reads the text of a settings file called name. It works on nodes, not on
// a struct, because nodes know their lines.
func parseFile(name string, text []byte) ([]given, []string) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err == io.EOF {
		return nil, nil
	}
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			return nil, []string{fmt.Sprintf("%s:%d: a second document begins here: write all settings into one", name, second.Line)}
		}
	}
	if err != io.EOF {
		place := name
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil && m[1] != "" {
			place += ":" + m[1]
		}
		return nil, []string{place + ": this is no YAML: " + yamlLine.ReplaceAllString(message(err), "")}
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil // nothing but comments
	}
	if root.Kind != yaml.MappingNode {
		return nil, []string{fmt.Sprintf("%s:%d: write settings as lines like \"data: /var/lib/gatehouse\"", name, root.Line)}
	}
	return readMapping(name, root)
}

func readMapping(file string, root *yaml.Node) (values []given, problems []string) {
	var known []string
	for _, s := range settings() {
		if !s.envOnly {
			known = append(known, s.name)
		}
	}
	firstLine := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		place := fmt.Sprintf("%s:%d", file, key.Line)
		s, ok := settingNamed(key.Value)
		switch {
		case key.Kind != yaml.ScalarNode || !ok:
			problems = append(problems, fmt.Sprintf("%s: unknown setting %q%s", place, key.Value, didYouMean(key.Value, known, `"`)))
			continue
		case s.envOnly:
			problems = append(problems, fmt.Sprintf("%s: %s does not belong in a file: use %s-file, or the environment variable %s", place, s.name, s.name, variableOf(s.name)))
			continue
		case firstLine[s.name] > 0:
			problems = append(problems, fmt.Sprintf("%s: %s is set a second time, first in line %d: keep one of them", place, s.name, firstLine[s.name]))
			continue
		}
		firstLine[s.name] = key.Line
		v := given{setting: s, origin: place}
		if problem := v.read(file, value); problem != "" {
			problems = append(problems, place+": "+s.name+": "+problem)
			continue
		}
		values = append(values, v)
	}
	return values, problems
}

// read takes the value from a node and says what is wrong with its form.
func (g *given) read(file string, node *yaml.Node) string {
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag != "!!null":
		g.text = node.Value
		return ""
	case node.Kind == yaml.SequenceNode && g.setting.list:
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return "a list holds plain values alone"
			}
			g.items = append(g.items, item.Value)
			g.places = append(g.places, fmt.Sprintf("%s:%d", file, item.Line))
		}
		g.text = strings.Join(g.items, ",")
		return ""
	case node.Kind == yaml.ScalarNode:
		return "there is no value: write one, or remove the line"
	case g.setting.list:
		return "write one value, or a list of them"
	}
	return "write one plain value"
}
