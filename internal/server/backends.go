package server

import (
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/token"
)

// vault seals what the gateway shows backends, under the master key and for one
// organization, and opens it.
type vault struct{ key [32]byte }

func (v vault) Seal(orgID, plain string) (string, error) {
	return token.Seal(v.key, []byte(plain), purpose(orgID))
}

func (v vault) Open(orgID, sealed string) (string, error) {
	plain, err := token.Open(v.key, sealed, purpose(orgID))
	return string(plain), err
}

func purpose(orgID string) string { return "backend secret of " + orgID }

// checkAPI refuses what the gateway could not serve, or the operator does not allow.
func checkAPI(longestWait time.Duration) func(*gatehouse.API) error {
	return func(a *gatehouse.API) error {
		if err := a.Settings.Backends.Within(longestWait); err != nil {
			return err
		}
		return gateway.Check(a)
	}
}
