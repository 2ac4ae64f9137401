package gatehouse

import (
	"slices"
	"time"
)

// SealedKey is a signing key as it is stored: the private part is sealed under the
// master key, which is not in the database.
type SealedKey struct {
	ID        string // the kid of tokens it signs
	Algorithm string // ES256, or RS256
	Sealed    string // empty once it is revoked: nothing is signed with it again
	CreatedAt time.Time
	SignsAt   time.Time // from when on it signs; until then it is only published
	Until     time.Time // no token that it signed lives longer
	RevokedAt time.Time // zero while it is not
}

// KeyState is where a signing key is in its life.
type KeyState string

// The states, in the order of a life.
const (
	KeyAhead  KeyState = "ahead"  // published, so that everybody knows it when it begins to sign
	KeySigns  KeyState = "signs"  // the one that signs now
	KeyChecks KeyState = "checks" // tokens that it signed may live
	KeyGone   KeyState = "gone"   // revoked, or every token that it signed has ended
)

// How signing keys take turns.
const (
	// KeyAheadTime is how long a key is published before it signs on schedule.
	KeyAheadTime = 24 * time.Hour
	// MinKeyAhead is the least of it: how long other nodes take to hear of a key.
	MinKeyAhead = 2 * time.Second
	// KeyKept is how long a key that is gone is still listed.
	KeyKept = 30 * 24 * time.Hour
	// untilStep is how far ahead Until is written down, so that it is seldom written.
	untilStep = 24 * time.Hour
)

// UntilFor returns what Until must be before a key signs a token that ends at a moment:
// a step beyond, so that the next tokens find it written already.
func UntilFor(end time.Time) time.Time {
	if until := end.Add(untilStep); until.Before(EndOfTime) {
		return until
	}
	return EndOfTime
}

// KeyRing is all signing keys.
type KeyRing []SealedKey

// Signer returns the key that signs now with an algorithm: the one that was to begin
// last. It is nil when there is none.
func (r KeyRing) Signer(algorithm string, now time.Time) *SealedKey {
	return r.last(algorithm, func(k *SealedKey) bool { return !k.SignsAt.After(now) })
}

// Ahead returns the key that will sign next with an algorithm, or nil.
func (r KeyRing) Ahead(algorithm string, now time.Time) *SealedKey {
	return r.last(algorithm, func(k *SealedKey) bool { return k.SignsAt.After(now) })
}

func (r KeyRing) last(algorithm string, fits func(*SealedKey) bool) *SealedKey {
	var found *SealedKey
	for i := range r {
		k := &r[i]
		if k.Algorithm == algorithm && k.RevokedAt.IsZero() && fits(k) && (found == nil || k.after(found)) {
			found = k
		}
	}
	return found
}

// after reports whether k is to sign later than other. Of two that are to begin at the
// same moment every node must choose the same.
func (k *SealedKey) after(other *SealedKey) bool {
	if c := k.SignsAt.Compare(other.SignsAt); c != 0 {
		return c > 0
	}
	return k.ID > other.ID
}

// State returns the state of a key of r.
func (r KeyRing) State(k *SealedKey, now time.Time) KeyState {
	signer := r.Signer(k.Algorithm, now)
	switch {
	case !k.RevokedAt.IsZero():
		return KeyGone
	case k.SignsAt.After(now):
		return KeyAhead
	case k.ID == signer.ID:
		return KeySigns
	case now.Before(k.Until):
		return KeyChecks
	}
	return KeyGone
}

// Algorithms lists the algorithms that r has keys of, revoked or not.
func (r KeyRing) Algorithms() []string {
	var all []string
	for i := range r {
		if !slices.Contains(all, r[i].Algorithm) {
			all = append(all, r[i].Algorithm)
		}
	}
	return all
}

// Due reports whether the next key of an algorithm should be made when keys sign for
// a period each. A key that does not exist is not due: it is made when it is needed.
func (r KeyRing) Due(algorithm string, period time.Duration, now time.Time) bool {
	signer := r.Signer(algorithm, now)
	return signer != nil && r.Ahead(algorithm, now) == nil && !now.Before(signer.SignsAt.Add(period-AheadOf(period)))
}

// AheadOf returns how long a key is published before it signs, when keys sign for a
// period each.
func AheadOf(period time.Duration) time.Duration { return min(KeyAheadTime, period/2) }

// Revoke ends the key with an id at once. When it signs, the next key takes its turn
// at once: the one that was made ahead, which others know already, or else spare. It
// returns the keys that changed or are new.
func (r KeyRing) Revoke(id string, spare SealedKey, now time.Time) ([]SealedKey, error) {
	i := slices.IndexFunc(r, func(k SealedKey) bool { return k.ID == id })
	if i < 0 {
		return nil, Errorf(NotFound, "there is no signing key %s", id)
	}
	bad := &r[i]
	if !bad.RevokedAt.IsZero() {
		return nil, Errorf(Conflict, "the signing key %s is revoked already", id)
	}
	signed := r.Signer(bad.Algorithm, now)
	bad.RevokedAt, bad.Sealed = now, ""
	changed := []SealedKey{*bad}
	if signed != nil && signed.ID != id {
		return changed, nil
	}
	if next := r.Ahead(bad.Algorithm, now); next != nil {
		next.SignsAt = now
		return append(changed, *next), nil
	}
	spare.Algorithm, spare.SignsAt = bad.Algorithm, now
	return append(changed, spare), nil
}

// Expired lists the keys that are gone for so long that they need not be listed.
func (r KeyRing) Expired(now time.Time) []string {
	var ids []string
	for i := range r {
		k := &r[i]
		if old := now.Add(-KeyKept); k.Until.Before(old) && k.RevokedAt.Before(old) && r.State(k, old) == KeyGone {
			ids = append(ids, k.ID)
		}
	}
	return ids
}
