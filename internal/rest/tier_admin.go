package rest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/gatehouse/gatehouse"
)

// tiersOf returns the tiers of the level that the path names.
func (h *Handler) tiersOf(r *request) ([]gatehouse.Tier, gatehouse.TierLevel, error) {
	level, err := r.levelOf()
	if err != nil {
		return nil, level, err
	}
	all, err := h.Rules.Tiers(r.Context(), &r.by.Organization)
	return all[level], level, err
}

func (h *Handler) listAdminTiers(r *request) (any, error) {
	tiers, _, err := h.tiersOf(r)
	if err != nil {
		return nil, err
	}
	return page(r, tiers, newTierBody)
}

// tierOf returns the tier that the path names.
func (h *Handler) tierOf(r *request) (*gatehouse.Tier, error) {
	tiers, _, err := h.tiersOf(r)
	if err != nil {
		return nil, err
	}
	for i := range tiers {
		if tierID(&tiers[i]) == r.PathValue("policyId") {
			return &tiers[i], nil
		}
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "there is no such tier")
}

func (h *Handler) getTier(r *request) (any, error) {
	t, err := h.tierOf(r)
	if err != nil {
		return nil, err
	}
	return newTierBody(*t)
}

func (h *Handler) createTier(r *request) (any, error) {
	level, err := r.levelOf()
	if err != nil {
		return nil, err
	}
	var body tierBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	t, err := body.read(level)
	if err != nil {
		return nil, err
	}
	created, err := h.Rules.CreateTier(r.Context(), r.by, t)
	if err != nil {
		return nil, err
	}
	r.w.Header().Set("Location", adminPrefix+"/throttling/policies/"+string(level)+"/"+created.ID)
	return newTierBody(*created)
}

// changeable returns the tier that the path names, unless it is built in.
func (h *Handler) changeable(r *request) (*gatehouse.Tier, error) {
	t, err := h.tierOf(r)
	if err == nil && t.ID == "" {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "the tier %s is built in, so it can be neither changed nor deleted: make another one", t.Name)
	}
	return t, err
}

func (h *Handler) updateTier(r *request) (any, error) {
	var body tierBody
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	t, err := h.changeable(r)
	if err != nil {
		return nil, err
	}
	to, err := body.read(t.Level)
	if err != nil {
		return nil, err
	}
	changed, err := h.Rules.UpdateTier(r.Context(), r.by, t.ID, to)
	if err != nil {
		return nil, err
	}
	return newTierBody(*changed)
}

func (h *Handler) deleteTier(r *request) (any, error) {
	t, err := h.changeable(r)
	if err != nil {
		return nil, err
	}
	return nil, h.Rules.DeleteTier(r.Context(), r.by, t.Level, t.ID)
}

// foundTier is a tier as a search finds it.
type foundTier struct {
	PolicyID    int    `json:"policyId"` // clients read a number here; the id is uuid
	UUID        string `json:"uuid"`
	PolicyName  string `json:"policyName"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	IsDeployed  bool   `json:"isDeployed"`
	Type        string `json:"type"` // sub, app or api
}

// levelNames are the levels' short names in searches, and what an exported tier of them is
// called.
var levelNames = []struct {
	level           gatehouse.TierLevel
	short, exported string
}{
	{gatehouse.SubscriptionTier, "sub", "subscription policy"},
	{gatehouse.ApplicationTier, "app", "application policy"},
	{gatehouse.AdvancedTier, "api", "advanced policy"},
}

// named returns the organization's tiers with a name and of a type; both may be empty. It
// calls f with each, in the order of the levels.
func (h *Handler) named(r *request, name, short string, f func(t gatehouse.Tier, short, exported string)) error {
	all, err := h.Rules.Tiers(r.Context(), &r.by.Organization)
	if err != nil {
		return err
	}
	for _, l := range levelNames {
		for _, t := range all[l.level] {
			if (name == "" || name == t.Name) && (short == "" || short == l.short || short == string(l.level)) {
				f(t, l.short, l.exported)
			}
		}
	}
	return nil
}

// searchTiers finds tiers by the whole name and the type, so that a client which deletes
// what it finds first does not delete another.
func (h *Handler) searchTiers(r *request) (any, error) {
	terms, err := parseQuery(r.URL.Query().Get("query"))
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	for _, t := range terms {
		by[cmp.Or(t.key, "name")] = t.value
	}
	found := []foundTier{}
	err = h.named(r, by["name"], by["type"], func(t gatehouse.Tier, short, _ string) {
		found = append(found, foundTier{len(found) + 1, tierID(&t), t.Name, t.DisplayName, t.Description, true, short})
	})
	if err != nil {
		return nil, err
	}
	return page(r, found, func(f foundTier) (foundTier, error) { return f, nil })
}

// exportedTier is a tier as a file.
type exportedTier struct {
	Type    string    `json:"type"`
	Subtype string    `json:"subtype"`
	Version string    `json:"version"`
	Data    *tierBody `json:"data"`
}

func (h *Handler) exportTier(r *request) (any, error) {
	name, err := r.parameter("name")
	if err != nil {
		return nil, err
	}
	var found *exportedTier
	err = h.named(r, name, r.URL.Query().Get("type"), func(t gatehouse.Tier, _, exported string) {
		if found == nil {
			data, _ := newTierBody(t)
			found = &exportedTier{"throttling policy", exported, "v4.7.0", data}
		}
	})
	if err == nil && found == nil {
		err = gatehouse.Errorf(gatehouse.NotFound, "there is no such tier")
	}
	return found, err
}

// readExported reads a tier's file, YAML or JSON, which is YAML too.
func readExported(file []byte) (gatehouse.Tier, error) {
	var loose any
	if err := yaml.Unmarshal(file, &loose); err != nil {
		return gatehouse.Tier{}, &gatehouse.Error{Kind: gatehouse.Invalid, Message: "the file is neither YAML nor JSON", Err: err}
	}
	text, err := json.Marshal(loose)
	if err != nil {
		return gatehouse.Tier{}, &gatehouse.Error{Kind: gatehouse.Invalid, Message: "the file is no exported tier: its keys must be texts", Err: err}
	}
	var exported exportedTier
	if err := json.Unmarshal(text, &exported); err != nil {
		return gatehouse.Tier{}, jsonError("the file", err)
	}
	for _, l := range levelNames {
		if strings.EqualFold(l.exported, exported.Subtype) && exported.Data != nil {
			return exported.Data.read(l.level)
		}
	}
	return gatehouse.Tier{}, gatehouse.Errorf(gatehouse.Invalid, "the file is no exported tier: subtype must be subscription policy, application policy or advanced policy, and data the tier")
}

// maxTierFile bounds an exported tier, in bytes.
const maxTierFile = 1 << 20

func (h *Handler) importTier(r *request) (any, error) {
	parts, err := r.parts()
	if err != nil {
		return nil, err
	}
	file := parts["file"]
	if len(file) > maxTierFile {
		return nil, gatehouse.Errorf(gatehouse.TooLarge, "the file of a tier has at most %d bytes", maxTierFile)
	}
	t, err := readExported(file)
	if err != nil {
		return nil, err
	}
	all, err := h.Rules.Tiers(r.Context(), &r.by.Organization)
	if err != nil {
		return nil, err
	}
	existing := slices.IndexFunc(all[t.Level], func(o gatehouse.Tier) bool { return o.Name == t.Name && o.ID != "" })
	var done *gatehouse.Tier
	if existing >= 0 && r.URL.Query().Get("overwrite") == "true" {
		done, err = h.Rules.UpdateTier(r.Context(), r.by, all[t.Level][existing].ID, t)
	} else {
		done, err = h.Rules.CreateTier(r.Context(), r.by, t)
	}
	if err != nil {
		return nil, err
	}
	return newTierBody(*done)
}
