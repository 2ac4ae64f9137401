package organization_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/organization"
)

// wso2Hash hashes as a WSO2 user store with PasswordDigest SHA-256 does.
func wso2Hash(password, salt string) string {
	sum := sha256.Sum256([]byte(password + salt))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// foreignHashes are of rightPassword in the ways of other systems.
func foreignHashes(t testing.TB) map[string]string {
	t.Helper()
	encode := func(h algorithm.Hash, err error) string {
		t.Helper()
		must(t, err)
		digest, err := h.Hash(rightPassword)
		must(t, err)
		return digest.Encode()
	}
	b, errB := bcrypt.New(bcrypt.WithIterations(10))
	s, errS := scrypt.New(scrypt.WithLN(14), scrypt.WithR(8), scrypt.WithP(1))
	p, errP := pbkdf2.New(pbkdf2.WithVariant(pbkdf2.VariantSHA256), pbkdf2.WithIterations(100000))
	sha, errSHA := shacrypt.New(shacrypt.WithVariant(shacrypt.VariantSHA512), shacrypt.WithIterations(5000))
	weak, errWeak := argon2.New(argon2.WithVariant(argon2.VariantID), argon2.WithMemoryInKiB(8192), argon2.WithT(1), argon2.WithP(1))
	return map[string]string{
		"bcrypt": encode(b, errB), "scrypt": encode(s, errS), "pbkdf2": encode(p, errP), "sha-crypt": encode(sha, errSHA), "weak argon2id": encode(weak, errWeak),
		"wso2":                "$wso2-sha256$bSv3pPZ2Y8vJ9w0K1uZbUg==$" + wso2Hash(rightPassword, "bSv3pPZ2Y8vJ9w0K1uZbUg=="),
		"wso2 without a salt": "$wso2-sha256$$" + wso2Hash(rightPassword, ""),
	}
}

// check 152: hashes of other systems and older parameters are good, and made anew at the
// first right sign-in and not at a wrong one, without ending anything.
func TestCheck152HashesAreMadeAnewAtSignIn(t *testing.T) {
	h := open(t)
	for name, hash := range foreignHashes(t) {
		t.Run(name, func(t *testing.T) {
			username := strings.ReplaceAll(name, " ", "-")
			must(t, h.ImportUser(t.Context(), organization.ImportedUser{Username: username, Hash: hash, OrgKey: "johnsorg"}))
			kept := func() string {
				_, kept, err := h.db.Credentials(t.Context(), username)
				must(t, err)
				return kept
			}
			if h.signsIn(t, username, "not the right one", home) || kept() != hash {
				t.Error("a wrong password is let in, or changes the hash")
			}
			revocations, err := h.db.Revocations(t.Context())
			must(t, err)
			if !h.signsIn(t, username, rightPassword, home) {
				t.Fatal("the right password is refused")
			}
			if got := kept(); !strings.HasPrefix(got, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("the hash is still %.20s…", got)
			}
			after, err := h.db.Revocations(t.Context())
			must(t, err)
			if len(after) != len(revocations) {
				t.Error("the new hash revoked something")
			}
			if !h.signsIn(t, username, rightPassword, home) || h.signsIn(t, username, "not the right one", home) {
				t.Error("the new hash is of another password")
			}
		})
	}
}

// A hash of today is not written again at each sign-in.
func TestHashesOfTodayStay(t *testing.T) {
	h := open(t)
	_, before, err := h.db.Credentials(t.Context(), "john@johns.org")
	must(t, err)
	if !h.signsIn(t, "john@johns.org", rightPassword, home) {
		t.Fatal("the right password is refused")
	}
	if _, after, err := h.db.Credentials(t.Context(), "john@johns.org"); err != nil || before != after {
		t.Errorf("the hash changed: %v", err)
	}
}

func TestHashesThatAreNoneOrCostTooMuchAreNotImported(t *testing.T) {
	h := open(t)
	for _, hash := range []string{
		"", "secret", "$1$salt$abc", "5f4dcc3b5aa765d61d8327deb882cf99", "$plaintext$secret",
		"$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ", "$argon2id$v=19$t=2,m=4194304,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"$2a$31$CjwKCAiA6NCLBhAbEiwA7izq3uN1Jq3mY3F2ZsS1uV0k9pQ1uW1uW", "$6$rounds=999999999$salt$abc", "$pbkdf2-sha256$99999999$c2FsdA$c2FsdA", "$scrypt$ln=30,r=8,p=1$c2FsdA$c2FsdA",
		"$wso2-sha256$salt", "$wso2-sha256$salt$notbase64", "$wso2-sha256$salt$c2FsdA==",
	} {
		err := h.ImportUser(t.Context(), organization.ImportedUser{Username: "eve", Hash: hash, OrgKey: "johnsorg"})
		if gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v", hash, err)
		} else if len(hash) > 25 && strings.Contains(err.Error(), hash[20:]) {
			t.Errorf("the error repeats the hash: %v", err)
		}
	}
}
