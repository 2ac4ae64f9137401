package gatehouse

import (
	"encoding/json"
	"errors"
	"log/slog"
)

// BackendSecret is something that must be read back, like the password that a backend wants from
// the gateway. Whoever sets it makes it with NewBackendSecret; it is sealed before it is stored,
// and cannot be written as JSON before that, so that no way round the seal leads into the
// database. The zero one is none.
type BackendSecret struct{ plain, sealed string }

// NewBackendSecret returns a secret that waits to be sealed; none for an empty text.
func NewBackendSecret(plain string) BackendSecret { return BackendSecret{plain: plain} }

// IsZero reports whether there is no secret.
func (s BackendSecret) IsZero() bool { return s == BackendSecret{} }

// Equal reports whether two are the same text, or the same seal.
func (s BackendSecret) Equal(other BackendSecret) bool { return s == other }

// Plain returns the text of a secret that is not sealed yet, else nothing.
func (s BackendSecret) Plain() string { return s.plain }

// Seal replaces the text by what seal makes of it. A secret that is sealed stays as it is.
func (s *BackendSecret) Seal(seal func(plain string) (string, error)) error {
	if s.plain == "" {
		return nil
	}
	sealed, err := seal(s.plain)
	if err != nil {
		return err
	}
	*s = BackendSecret{sealed: sealed}
	return nil
}

// Open returns the text of a sealed secret.
func (s BackendSecret) Open(open func(sealed string) (string, error)) (string, error) {
	if s.sealed == "" {
		return "", errors.New("the secret is not sealed")
	}
	return open(s.sealed)
}

// MarshalJSON writes a sealed secret.
func (s BackendSecret) MarshalJSON() ([]byte, error) {
	if s.plain != "" {
		return nil, errors.New("a secret must be sealed before it is stored")
	}
	return json.Marshal(s.sealed)
}

// UnmarshalJSON reads a sealed secret.
func (s *BackendSecret) UnmarshalJSON(text []byte) error {
	*s = BackendSecret{}
	return json.Unmarshal(text, &s.sealed)
}

// String, GoString and LogValue keep secrets out of whatever is printed.
func (s BackendSecret) String() string { return "[redacted]" }

// GoString is String.
func (s BackendSecret) GoString() string { return s.String() }

// LogValue is String.
func (s BackendSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }
