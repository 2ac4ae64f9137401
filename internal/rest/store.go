package rest

import (
	"github.com/gatehouse/gatehouse"
)

// storeAPIInfo is an API in the Store's list.
type storeAPIInfo struct {
	ID                 string   `json:"id"`
	Name               string   `json:"name"`
	Description        string   `json:"description"`
	Context            string   `json:"context"`
	Version            string   `json:"version"`
	Provider           string   `json:"provider"`
	Type               string   `json:"type"`
	LifeCycleStatus    string   `json:"lifeCycleStatus"`
	ThrottlingPolicies []string `json:"throttlingPolicies"` // the tiers that a subscription may choose
}

func newStoreAPIInfo(a *gatehouse.API) (storeAPIInfo, error) {
	return storeAPIInfo{a.ID, a.Name, a.Description, a.Context, a.Version, a.Provider, apiType, string(a.State), a.Tiers}, nil
}

// storeAPI is an API as developers see it.
type storeAPI struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	Description     string         `json:"description"`
	Context         string         `json:"context"`
	Version         string         `json:"version"`
	Provider        string         `json:"provider"`
	Type            string         `json:"type"`
	LifeCycleStatus string         `json:"lifeCycleStatus"`
	Tags            []string       `json:"tags"`
	Tiers           []storeAPITier `json:"tiers"`
	Operations      []operation    `json:"operations"`
	Scopes          []scopeInfo    `json:"scopes"`
	EndpointURLs    []endpointURLs `json:"endpointURLs"`
	CreatedTime     string         `json:"createdTime"`

	securityBody // which credentials open it
}

type storeAPITier struct {
	TierName string `json:"tierName"`
	TierPlan string `json:"tierPlan"` // FREE
}

// endpointURLs are where the gateway serves an API.
type endpointURLs struct {
	EnvironmentName string            `json:"environmentName"`
	EnvironmentType string            `json:"environmentType"`
	URLs            map[string]string `json:"URLs"`
	DefaultURLs     map[string]string `json:"defaultVersionURLs"` // without the version; empty unless the API is the default version
}

// scopeInfo is a scope as developers see it.
type scopeInfo struct {
	Key         string           `json:"key"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Roles       []gatehouse.Role `json:"roles"`
}

func newScopeInfos(scopes []gatehouse.Scope) []scopeInfo {
	infos := []scopeInfo{}
	for _, s := range scopes {
		roles := s.Roles
		if roles == nil {
			roles = []gatehouse.Role{}
		}
		infos = append(infos, scopeInfo{Key: s.Name, Name: s.DisplayName, Description: s.Description, Roles: roles})
	}
	return infos
}

func (h *Handler) listStoreAPIs(r *request) (any, error) {
	all, err := h.Store.APIs(r.Context(), &r.by.Organization, "")
	if err != nil {
		return nil, err
	}
	found, err := r.asked(all)
	if err != nil {
		return nil, err
	}
	return page(r, found, newStoreAPIInfo)
}

func (h *Handler) getStoreAPI(r *request) (any, error) {
	org := &r.by.Organization
	a, err := h.Store.API(r.Context(), org, r.PathValue("apiId"))
	if err != nil {
		return nil, err
	}
	scopes, err := h.Store.ScopesOf(r.Context(), org, a)
	if err != nil {
		return nil, err
	}
	answer := storeAPI{
		ID: a.ID, Name: a.Name, Description: a.Description, Context: a.Context, Version: a.Version, Provider: a.Provider, Type: apiType,
		LifeCycleStatus: string(a.State), Tags: append([]string{}, a.Tags...), Tiers: []storeAPITier{}, Operations: operations(a),
		Scopes: newScopeInfos(scopes), CreatedTime: millis(a.CreatedAt),
		EndpointURLs: []endpointURLs{{"Default", "hybrid", map[string]string{"https": h.GatewayURL + a.BasePath()}, map[string]string{}}},
		securityBody: newSecurityBody(a),
	}
	if a.Settings.Default {
		answer.EndpointURLs[0].DefaultURLs["https"] = h.GatewayURL + org.BasePath() + a.DefaultPath()
	}
	for _, tier := range a.Tiers {
		answer.Tiers = append(answer.Tiers, storeAPITier{tier, "FREE"})
	}
	return answer, nil
}

// tierInfo is a tier.
type tierInfo struct {
	Name         string `json:"name"`
	DisplayName  string `json:"displayName"`
	Description  string `json:"description"`
	PolicyLevel  string `json:"policyLevel"`
	RequestCount int64  `json:"requestCount"` // 0 when there is no limit of requests
	TimeUnit     string `json:"timeUnit"`
	UnitTime     int64  `json:"unitTime"`
	TierPlan     string `json:"tierPlan"`
}

func (h *Handler) listTiers(r *request) (any, error) {
	tiers, level, err := h.tiersOf(r)
	if err != nil {
		return nil, err
	}
	return page(r, tiers, func(t gatehouse.Tier) (tierInfo, error) {
		info := tierInfo{t.Name, t.DisplayName, t.Description, string(level), t.Limit.Calls, "min", 1, "FREE"}
		if !t.Limit.None() {
			info.TimeUnit, info.UnitTime = unitName(t.Limit.Unit), t.Limit.Every
		}
		return info, nil
	})
}
