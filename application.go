package gatehouse

import (
	"regexp"
	"time"
)

// DefaultApplication is the name of the application the Store makes for a developer
// who subscribes without having made one.
const DefaultApplication = "DefaultApplication"

// Application is what a developer builds: it holds keys and subscriptions.
type Application struct {
	ID          string
	OrgID       string
	OwnerID     string // the user it belongs to
	Owner       string // that user's name
	Name        string // unique among its owner's applications
	Description string
	Tier        string
	TokenFormat TokenFormat // of the keys it is given
	CreatedAt   time.Time
}

var applicationName = regexp.MustCompile(`^[^\s\x00-\x1f"<>\\][^\x00-\x1f"<>\\]{0,99}$`)

// Validate checks the rules an application keeps. Whether there is the tier that it names,
// CheckTiers tells.
func (a *Application) Validate() error {
	if !applicationName.MatchString(a.Name) || !validText(a.Name, MaxName) {
		return Errorf(Invalid, "an application needs a name of 1 to 100 characters, without quotes, backslashes and angle brackets")
	}
	if err := checkDescription(a.Description); err != nil {
		return err
	}
	if err := CheckTierName(a.Tier); err != nil {
		return err
	}
	if a.TokenFormat != FormatJWT && a.TokenFormat != FormatOpaque {
		return Errorf(Invalid, "%q is no token format: use %s or %s", a.TokenFormat, FormatJWT, FormatOpaque)
	}
	return nil
}
