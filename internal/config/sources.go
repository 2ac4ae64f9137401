package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

const (
	prefix     = "GATEHOUSE_"
	configName = "config" // the flag and variable that name the settings file
)

func flagOf(name string) string { return "--" + name }

func variableOf(name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// AddFlags makes a flag of each setting that is named, or of all when none is, and
// --config beside them. --help shows them in the order of the table.
func AddFlags(flags *pflag.FlagSet, names ...string) {
	flags.SortFlags = false
	for _, s := range settings() {
		if s.envOnly || len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		flags.Var(&flagValue{text: s.def, list: s.list}, s.name, s.help)
	}
	flags.Var(&flagValue{}, configName, "file of settings (default: gatehouse.yaml in the working folder, if there is one)")
}

// flagValue keeps the text of a flag; a list that is given twice grows.
type flagValue struct {
	text  string
	list  bool
	given bool
}

// String returns the text, as pflag.Value asks for it.
func (f *flagValue) String() string { return f.text }

// Type names the kind of value in --help.
func (f *flagValue) Type() string {
	if f.list {
		return "list"
	}
	return "text"
}

// Set takes the text of one use of the flag.
func (f *flagValue) Set(text string) error {
	if f.list && f.given {
		text = f.text + "," + text
	}
	f.text, f.given = text, true
	return nil
}

func readFlags(flags *pflag.FlagSet) []given {
	if flags == nil {
		return nil
	}
	var values []given
	flags.Visit(func(f *pflag.Flag) {
		if _, ours := f.Value.(*flagValue); !ours {
			return // one of the command's own, which may have the name of a setting
		}
		s, known := settingNamed(f.Name)
		if !known {
			s = setting{name: configName, set: func(*Config, string) error { return nil }, show: plain}
		}
		values = append(values, given{setting: s, text: f.Value.String(), origin: flagOf(f.Name)})
	})
	return values
}

// chosenFile returns what --config or GATEHOUSE_CONFIG names, or nothing.
func chosenFile(fromFlags []given, environ []string) string {
	for _, v := range fromFlags {
		if v.setting.name == configName {
			return v.text
		}
	}
	for _, entry := range environ {
		if path, ok := strings.CutPrefix(entry, variableOf(configName)+"="); ok {
			return path
		}
	}
	return ""
}

// readEnvironment reads the variables that begin with GATEHOUSE_. An empty one counts
// as not set, because compose files and charts write such for what nobody chose.
func readEnvironment(environ []string) (values []given, problems []string) {
	byVariable := map[string]setting{}
	known := []string{variableOf(configName)}
	for _, s := range settings() {
		byVariable[variableOf(s.name)] = s
		known = append(known, variableOf(s.name))
	}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == variableOf(configName) || foreign(name, text) {
			continue
		}
		s, ok := byVariable[name]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s: unknown setting%s", name, didYouMean(name, known, "")))
		case text != "":
			values = append(values, given{setting: s, text: text, origin: name})
		}
	}
	return values, problems
}

// serviceLink matches the variables that Kubernetes sets in every pod beside a service
// whose name begins with gatehouse.
var serviceLink = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// foreign reports whether a variable only looks like ours.
func foreign(name, text string) bool {
	rest := strings.TrimPrefix(name, prefix)
	if rest == "PORT" || strings.HasSuffix(rest, "_PORT") {
		return strings.Contains(text, "://") || serviceLink.MatchString(rest)
	}
	return strings.HasPrefix(rest, "TEST_") || serviceLink.MatchString(rest)
}

// didYouMean ends a message with the known name that is nearest to a wrong one, or
// with nothing when none is near.
func didYouMean(name string, known []string, quote string) string {
	best, least := "", len(name)/4+2
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + quote + best + quote + "?"
}

// distance counts the letters to insert, drop or change to make b of a (Levenshtein).
// Beyond 64 bytes it does not look: no name is that long.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
