// Command common prints the passwords that people are known to choose, one a line and
// sorted, for internal/organization/common.txt. They are the list of zxcvbn: facts that
// were counted in what leaked elsewhere. Only letters and digits are
// kept, in lower case, and no word of fewer than four.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/ccojocar/zxcvbn-go/data"
)

func main() {
	text, err := data.Asset("data/Passwords.json")
	if err != nil {
		log.Fatal(err)
	}
	var known struct{ List []string }
	if err := json.Unmarshal(text, &known); err != nil {
		log.Fatal(err)
	}
	var words []string
	for _, w := range known.List {
		w = strings.ToLower(w)
		if len(w) >= 4 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789") == "" {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	fmt.Fprintln(os.Stdout, strings.Join(slices.Compact(words), "\n"))
}
