package token

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// An internal key lets a publisher try an API out, whatever opens it to others and before
// it is published. It is an authorization sealed under the master key, so every node reads
// it without a look-up, and it ends with what speaks for its user.

const (
	internalPrefix  = "ghi_"
	internalPurpose = "internal key"
)

// IssueInternal writes a down as an internal key.
func (t *Tokens) IssueInternal(a *gatehouse.Authorization) (string, error) {
	says, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	sealed, err := Seal(t.Keys.MasterKey, says, internalPurpose)
	return internalPrefix + sealed, err
}

// VerifyInternal returns what an internal key says. The errors are those of Verify.
func (t *Tokens) VerifyInternal(key string) (*gatehouse.Authorization, error) {
	sealed, ok := strings.CutPrefix(key, internalPrefix)
	if !ok || len(key) > MaxLength {
		return nil, errInvalid
	}
	says, err := Open(t.Keys.MasterKey, sealed, internalPurpose)
	if err != nil {
		return nil, errInvalid
	}
	var a gatehouse.Authorization
	if err := json.Unmarshal(says, &a); err != nil || t.Revoked.names(&a) {
		return nil, errInvalid
	}
	if !t.Now().Before(a.ExpiresAt) {
		return nil, errExpired
	}
	return &a, nil
}
