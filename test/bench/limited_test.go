package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// limited is a house with one more API, whose calls all count against two limits: each
// resource has a tier, and each subscription. The largest tier that a subscription can
// have is used up in a second, so there are many, and callers use all of them in turn.
type limited struct {
	*house
	data        string // the folder
	subscribers []subscriber
	few         subscriber // with the least calls a minute
}

type subscriber struct {
	tier            string
	key, secret     string
	token, unscoped string
}

const (
	subscribers  = 256
	limitedBase  = "/t/johnsorg/limited/1.0.0"
	resourceTier = "50KPerMin"
	largeTier    = "Gold"
	smallTier    = "Bronze"
)

func furnishLimited(b *testing.B) *limited {
	b.Helper()
	l := &limited{house: &house{backend: startBackend(b), client: newClient(b)}, data: b.TempDir()}
	l.furnished = store(b, l.data, l.backend)
	l.subscribe(b)
	l.Process = gatehousetest.Run(b, "serve", "GATEHOUSE_DATA="+l.data)
	for i := range l.subscribers {
		l.subscribers[i].ask(b, l.house)
	}
	l.few.ask(b, l.house)
	return l
}

// subscribe publishes the API and makes an application, with keys, for each subscription.
func (l *limited) subscribe(b *testing.B) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s := openServices(b, l.data)
	members, err := s.Organization.OrganizationMembers(b.Context(), "johnsorg", 0, 1)
	must(err)
	john := members[0]
	text := strings.NewReplacer("title: Bench", "title: Limited", "get: {", "get: {x-throttling-tier: "+resourceTier+", ").Replace(definition)
	api, _, err := s.Publisher.Import(b.Context(), john, []byte(text), publisher.Changes{Production: &l.backend})
	must(err)
	_, err = s.Publisher.Do(b.Context(), john, api.ID, gatehouse.Publish)
	must(err)
	for i := range subscribers + 1 {
		app, err := s.APIStore.CreateApplication(b.Context(), john, apistore.NewApplication{Name: fmt.Sprint("Limited ", i)})
		must(err)
		one := subscriber{tier: largeTier}
		if i == subscribers {
			one.tier = smallTier
		}
		_, err = s.APIStore.Subscribe(b.Context(), john, app.ID, api.ID, one.tier)
		must(err)
		keys, secret, err := s.APIStore.GenerateKeys(b.Context(), john, app.ID, apistore.NewKeys{})
		must(err)
		one.key, one.secret = keys.ConsumerKey, secret
		l.subscribers = append(l.subscribers, one)
	}
	must(s.Close())
	l.subscribers, l.few = l.subscribers[:subscribers], l.subscribers[subscribers]
}

// ask asks for a subscriber's tokens.
func (s *subscriber) ask(b *testing.B, h *house) {
	b.Helper()
	for _, want := range []struct {
		token *string
		form  string
	}{{&s.token, scopedForm}, {&s.unscoped, "grant_type=client_credentials"}} {
		var err error
		if *want.token, err = s.newToken(h, want.form); err != nil {
			b.Fatal(err)
		}
	}
}

const scopedForm = "grant_type=client_credentials&scope=read"

func (s *subscriber) newToken(h *house, form string) (string, error) {
	as := house{h.Process, furnished{key: s.key, secret: s.secret}, h.client, h.backend}
	token, _, err := as.ask(form)
	return token, err
}

// requests are calls of every subscriber, of all resources in turn.
func (l *limited) requests() []request {
	var all []request
	for i, s := range l.subscribers {
		all = append(all, request{limitedPath(i), s.token})
	}
	return all
}

func limitedPath(i int) string { return fmt.Sprintf("%s/things%d/7", limitedBase, i%50) }
