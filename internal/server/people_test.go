package server

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// gate is people on a real store, which hears of changes.
type gate struct {
	*people
	service *organization.Service
	known   []gatehouse.Scope
	at      time.Time
}

func (g *gate) Scopes(context.Context, string) ([]gatehouse.Scope, error) { return g.known, nil }

func newGate(t *testing.T, most int) *gate {
	t.Helper()
	data, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := data.Close(); err != nil {
			t.Error(err)
		}
	})
	passwords, err := organization.NewPasswords(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), known: []gatehouse.Scope{{Name: "read"}, {Name: "update", Roles: []gatehouse.Role{"editor"}}}}
	g.service = &organization.Service{Store: data, Passwords: passwords, Now: func() time.Time { return g.at }}
	g.people = newPeople(g.service, g, most, func() time.Time { return g.at })
	if _, err := g.service.CreateOrganization(t.Context(), "johnsorg", "John's"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"john", "tom"} {
		if _, err := g.service.CreateUser(t.Context(), organization.NewUser{Username: name, Password: "a good " + name + " password", OrgKey: "johnsorg", Roles: []gatehouse.Role{"editor"}}); err != nil {
			t.Fatal(err)
		}
	}
	last, err := data.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data.OnChange = func(ctx context.Context) {
		news, err := data.Changes(ctx, last, 100)
		if err != nil {
			t.Error(err)
		}
		for _, c := range news {
			if last = c.Sequence; c.Noun == gatehouse.MemberChanged {
				g.drop(c.ID)
			}
		}
	}
	return g
}

// ask asks for john, with a password, from an address of no account.
func (g *gate) ask(t *testing.T, password string) (*gatehouse.Authorization, error) {
	t.Helper()
	return g.Person(t.Context(), "johnsorg", "john", password, netip.Addr{})
}

// fromMemory asks when there is no time left to ask anybody else.
func (g *gate) fromMemory(t *testing.T, password string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.Person(ctx, "johnsorg", "john", password, netip.Addr{})
	return err
}

const johns = "a good john password"

func TestARightPasswordIsHeldForAWhile(t *testing.T) {
	g := newGate(t, 10)
	if err := g.fromMemory(t, johns); err == nil {
		t.Fatal("answered without a look")
	}
	a, err := g.ask(t, johns)
	if err != nil || len(a.Scopes) != 2 || a.Username != "john@johnsorg" || a.For != gatehouse.ForUser {
		t.Fatalf("%+v, %v", a, err)
	}
	if err := g.fromMemory(t, johns); err != nil {
		t.Errorf("a moment later: %v", err)
	}
	g.at = g.at.Add(holdPeople)
	if err := g.fromMemory(t, johns); err == nil {
		t.Error("held for longer than a minute")
	}
}

func TestAWrongPasswordIsNotHeld(t *testing.T) {
	g := newGate(t, 10)
	for _, password := range []string{"wrong", johns + "x", ""} {
		if _, err := g.ask(t, password); gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("%q: %v", password, err)
		}
	}
	if len(g.held) != 0 {
		t.Errorf("%d are held", len(g.held))
	}
}

func TestWhatIsHeldOfPeopleIsBounded(t *testing.T) {
	g := newGate(t, 1)
	if _, err := g.ask(t, johns); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Person(t.Context(), "johnsorg", "tom", "a good tom password", netip.Addr{}); err != nil || len(g.held) != 1 {
		t.Errorf("%d are held, %v", len(g.held), err)
	}
}

func TestWhatChangesOfAPersonIsInForceAtOnce(t *testing.T) {
	for name, change := range map[string]func(g *gate) error{
		"roles": func(g *gate) error {
			return g.service.SetRoles(t.Context(), "johnsorg", "john", []gatehouse.Role{gatehouse.Subscriber})
		},
		"password": func(g *gate) error { return g.service.SetPassword(t.Context(), "john", "another good password") },
		"removal":  func(g *gate) error { return g.service.RemoveMember(t.Context(), "johnsorg", "john") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, 10)
			if _, err := g.ask(t, johns); err != nil {
				t.Fatal(err)
			}
			if err := change(g); err != nil {
				t.Fatal(err)
			}
			if err := g.fromMemory(t, johns); err == nil {
				t.Error("answered from what was true before")
			}
			a, err := g.ask(t, johns)
			if name == "roles" && (err != nil || len(a.Scopes) != 1) || name != "roles" && gatehouse.KindOf(err) != gatehouse.Unauthenticated {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// A sign-in that began before a change, and ends behind it, is not held.
func TestASignInThatRacesAChangeIsNotHeld(t *testing.T) {
	g := newGate(t, 10)
	id := g.mac("johnsorg", "john", johns)
	_, drops := g.find(id)
	g.drop("somebody")
	if g.hold(id, &gatehouse.Authorization{}, drops); len(g.held) != 0 {
		t.Error("what may be old is held")
	}
}
