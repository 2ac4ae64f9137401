package db

import (
	"context"
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db/query"
)

// Scopes returns the scopes of an organization, by name.
func (db *DB) Scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error) {
	scopes, err := (&tx{Queries: db.q}).scopes(ctx, orgID)
	return scopes, db.explain(err, "scope")
}

func (t *tx) scopes(ctx context.Context, orgID string) ([]gatehouse.Scope, error) {
	rows, err := t.ScopesOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return tryEach(rows, func(r query.Scope) (gatehouse.Scope, error) {
		roles, err := list[gatehouse.Role](r.Roles)
		return gatehouse.Scope{Name: r.Name, DisplayName: r.DisplayName, Description: r.Description, Roles: roles}, err
	})
}

// putScopes makes or changes scopes, and the roles they are bound to where the
// organization lacks them.
func (t *tx) putScopes(ctx context.Context, orgID string, scopes []gatehouse.Scope) error {
	for _, s := range scopes {
		err := t.PutScope(ctx, query.PutScopeParams{
			OrgID: orgID, Name: s.Name, DisplayName: s.DisplayName, Description: s.Description, Roles: text(s.Roles),
		})
		if err != nil {
			return err
		}
		if err := t.addRoles(ctx, orgID, s.Roles); err != nil {
			return err
		}
	}
	if len(scopes) == 0 {
		return nil
	}
	return t.changed(ctx, gatehouse.ScopesChanged, orgID)
}

// dropScopes removes those of the scopes gone, by name, that no API defines any more.
func (t *tx) dropScopes(ctx context.Context, orgID string, gone []string) error {
	if len(gone) == 0 {
		return nil
	}
	rows, err := t.APIsOf(ctx, orgID)
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, r := range rows {
		scopes, err := list[string](r.Scopes)
		if err != nil {
			return err
		}
		for _, s := range scopes {
			kept[s] = true
		}
	}
	for _, name := range gone {
		if kept[name] {
			continue
		}
		if err := t.DeleteScope(ctx, query.DeleteScopeParams{OrgID: orgID, Name: name}); err != nil {
			return err
		}
	}
	return t.changed(ctx, gatehouse.ScopesChanged, orgID)
}

// without returns those of all that are not among some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

func names(scopes []gatehouse.Scope) []string {
	return each(scopes, func(s gatehouse.Scope) string { return s.Name })
}

// called returns those of scopes whose names are listed.
func called(scopes []gatehouse.Scope, listed []string) []gatehouse.Scope {
	var found []gatehouse.Scope
	for _, s := range scopes {
		if slices.Contains(listed, s.Name) {
			found = append(found, s)
		}
	}
	return found
}
