package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// output is the flag --output of commands that print data.
type output string

// addOutput gives cmd the flag.
func addOutput(cmd *cobra.Command) *output {
	o := output("text")
	cmd.Flags().Var(&o, "output", "text or json")
	return &o
}

// String returns the format.
func (o *output) String() string { return string(*o) }

// Type names the kind of value in --help.
func (o *output) Type() string { return "format" }

// Set takes the format.
func (o *output) Set(format string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("use text or json")
	}
	*o = output(format)
	return nil
}

// print writes v as JSON, or as the table whose first row is the heading.
func (o *output) print(w io.Writer, v any, table [][]string) error {
	if *o == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range table {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	return columns.Flush()
}

// choice is a flag that takes one of a few words.
type choice struct {
	value string
	words []string
}

// addChoice gives cmd such a flag; it is empty while nobody sets it.
func addChoice(cmd *cobra.Command, name, usage string, words ...string) *choice {
	c := &choice{words: words}
	cmd.Flags().Var(c, name, usage)
	return c
}

// String returns the word.
func (c *choice) String() string { return c.value }

// Type names the kind of value in --help.
func (c *choice) Type() string { return "word" }

// Set takes one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("use %s", strings.Join(c.words, " or "))
	}
	c.value = word
	return nil
}
