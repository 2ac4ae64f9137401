package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/server"
)

// maxImport bounds an import file, in bytes.
const maxImport = 256 << 20

func (p *program) userImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make people who keep the passwords of another system",
		Long: `Make the people whom a file lists, with the hashes of their passwords. They sign in with
the passwords that they have, which are hashed anew when they do.

FILE is *.csv whose first line names the columns, or *.json with a list of objects of the
same names: username, hash, and where there are some salt, org, roles (separated by spaces),
name. A hash begins with what tells its kind: $argon2id$, $2b$ (bcrypt), $scrypt$,
$pbkdf2-sha256$, $pbkdf2-sha512$, $5$ or $6$ (sha-crypt). A digest with a salt is that of a
WSO2 user store: SHA-256, as its columns UM_USER_PASSWORD and UM_SALT_VALUE hold them.

People who exist already are left alone. The import stops at a line that is wrong; mend it
and import the file again.`,
		Example: "  gatehouse user import people.csv --org acme\n  gatehouse user import people.json",
		Args:    cobra.ExactArgs(1),
	}
	addStore(cmd)
	org := addOrg(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		people, err := readPeople(args[0], *org)
		if err != nil {
			return err
		}
		return p.withServices(cmd, func(ctx context.Context, s *server.Services) error { return p.importPeople(ctx, s, people) })
	}
	return cmd
}

// importedUser is one of a file's people, and where they stand in it.
type importedUser struct {
	organization.ImportedUser
	place string
}

func (p *program) importPeople(ctx context.Context, s *server.Services, people []importedUser) error {
	made, there := 0, 0
	defer func() { fmt.Fprintf(p.err, "imported %d, left %d alone who exist already\n", made, there) }()
	for _, u := range people {
		err := s.Organization.ImportUser(ctx, u.ImportedUser)
		switch {
		case err == nil:
			made++
		case gatehouse.KindOf(err) == gatehouse.Conflict:
			there++
		default:
			return fmt.Errorf("%s: %w", u.place, err)
		}
	}
	return nil
}

// readPeople reads the people of a file; org is where they belong who have no other.
func readPeople(path, org string) ([]importedUser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := io.LimitReader(f, maxImport)
	switch filepath.Ext(path) {
	case ".csv":
		return readPeopleCSV(in, org)
	case ".json":
		return readPeopleJSON(in, org)
	}
	return nil, errors.New("the file must be named *.csv or *.json")
}

// columns are what a file may tell of somebody.
var columns = []string{"username", "hash", "salt", "org", "roles", "name"}

func readPeopleCSV(in io.Reader, org string) ([]importedUser, error) {
	r := csv.NewReader(in)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("the line of the columns: %w", err)
	}
	for _, name := range head {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("there is no column %q: use %s", name, strings.Join(columns, ", "))
		}
	}
	var people []importedUser
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		if err != nil {
			return nil, err
		}
		fields := map[string]string{}
		for i, name := range head {
			fields[name] = row[i]
		}
		line, _ := r.FieldPos(0)
		people = append(people, person(fields, org, fmt.Sprint("line ", line)))
	}
}

func readPeopleJSON(in io.Reader, org string) ([]importedUser, error) {
	d := json.NewDecoder(in)
	var rows []map[string]string
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("not a list of objects with texts: %w", err)
	}
	var people []importedUser
	for i, fields := range rows {
		place := fmt.Sprint("entry ", i+1)
		for name := range fields {
			if !slices.Contains(columns, name) {
				return nil, fmt.Errorf("%s: there is no field %q: use %s", place, name, strings.Join(columns, ", "))
			}
		}
		people = append(people, person(fields, org, place))
	}
	return people, nil
}

func person(fields map[string]string, org, place string) importedUser {
	u := organization.ImportedUser{
		Username: fields["username"], Name: fields["name"], Hash: fields["hash"], Salt: fields["salt"], OrgKey: fields["org"],
	}
	if u.OrgKey == "" {
		u.OrgKey = org
	}
	for role := range strings.FieldsSeq(fields["roles"]) {
		u.Roles = append(u.Roles, gatehouse.Role(role))
	}
	return importedUser{u, place}
}
