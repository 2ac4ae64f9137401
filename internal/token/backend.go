package token

import (
	"context"
	"maps"
	"time"
)

// BackendJWT returns what a backend is told of a caller, as a JWT that ends at a moment. It
// opens nothing here: readJWT believes no header but an access token's, and without an azp
// it is no ID token.
func (t *Tokens) BackendJWT(ctx context.Context, algorithm string, end time.Time, claims map[string]any) (string, error) {
	signed := maps.Clone(claims)
	signed["iss"] = t.Issuer
	return t.signFor(ctx, algorithm, "JWT", end, signed)
}
