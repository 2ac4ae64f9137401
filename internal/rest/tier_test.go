package rest_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

const tiers = adminAPI + "/throttling/policies"

// count is a limit of calls on the wire.
func count(calls int, unit string) map[string]any {
	return map[string]any{"type": "REQUESTCOUNTLIMIT", "requestCount": map[string]any{"timeUnit": unit, "unitTime": 1, "requestCount": calls}}
}

func tierNamed(name string) map[string]any {
	return map[string]any{"policyName": name, "description": "few", "defaultLimit": count(3, "min")}
}

// What administrators say of a tier comes back as they said it.
func TestTiersComeBackAsTheyWereSaid(t *testing.T) {
	s := newSite(t)
	conditions := []any{
		map[string]any{"type": "IPCONDITION", "invertCondition": true, "ipCondition": map[string]any{"ipConditionType": "IPRANGE", "startingIP": "10.0.0.1", "endingIP": "10.0.0.9"}},
		map[string]any{"type": "IPCONDITION", "invertCondition": false, "ipCondition": map[string]any{"ipConditionType": "IPSPECIFIC", "specificIP": "10.0.0.5"}},
		map[string]any{"type": "HEADERCONDITION", "invertCondition": false, "headerCondition": map[string]any{"headerName": "X-Plan", "headerValue": "gold"}},
		map[string]any{"type": "QUERYPARAMETERCONDITION", "invertCondition": false, "queryParameterCondition": map[string]any{"parameterName": "q", "parameterValue": "^a"}},
		map[string]any{"type": "JWTCLAIMSCONDITION", "invertCondition": false, "jwtClaimsCondition": map[string]any{"claimUrl": "sub", "attribute": "x"}},
	}
	for level, fields := range map[string]map[string]any{
		"subscription": {"defaultLimit": count(1000, "days"), "rateLimitCount": 5.0, "rateLimitTimeUnit": "sec", "stopOnQuotaReach": false},
		"application":  {"defaultLimit": map[string]any{"type": "BANDWIDTHLIMIT", "bandwidth": map[string]any{"timeUnit": "month", "unitTime": 2.0, "dataAmount": 7.0, "dataUnit": "MB"}}},
		"advanced":     {"conditionalGroups": []any{map[string]any{"description": "some", "conditions": conditions, "limit": count(50, "hour")}}},
	} {
		body := tierNamed("Mini")
		for name, value := range fields {
			body[name] = value
		}
		made := s.want(201, every("ann"), "POST", tiers+"/"+level, body)
		got := s.want(200, every("ann"), "GET", tiers+"/"+level+"/"+made.get("policyId"), nil)
		for name, value := range fields {
			text, _ := json.Marshal(value)
			var want any
			must(t, json.Unmarshal(text, &want))
			if !reflect.DeepEqual(got.body[name], want) {
				t.Errorf("%s: %s is %v, want %v", level, name, got.body[name], want)
			}
		}
		s.want(409, every("ann"), "POST", tiers+"/"+level, body)
		body["description"], body["defaultLimit"] = "more", count(9, "min")
		if changed := s.want(200, every("ann"), "PUT", tiers+"/"+level+"/"+made.get("policyId"), body); changed.get("description") != "more" {
			t.Errorf("changed to %s", changed.text)
		}
		body["policyName"] = "Other"
		s.want(400, every("ann"), "PUT", tiers+"/"+level+"/"+made.get("policyId"), body)
		s.want(404, everyIn("other", "olga"), "GET", tiers+"/"+level+"/"+made.get("policyId"), nil) // check 137
		s.want(404, everyIn("other", "olga"), "DELETE", tiers+"/"+level+"/"+made.get("policyId"), nil)
		s.want(404, every("ann"), "DELETE", tiers+"/custom/"+made.get("policyId"), nil)
		s.want(200, every("ann"), "DELETE", tiers+"/"+level+"/"+made.get("policyId"), nil)
		s.want(404, every("ann"), "GET", tiers+"/"+level+"/"+made.get("policyId"), nil)
	}
}

func TestTiersThatAreRefused(t *testing.T) {
	s := newSite(t)
	for name, fields := range map[string]map[string]any{
		"no limit":          {"defaultLimit": nil},
		"an unknown limit":  {"defaultLimit": map[string]any{"type": "EVENTCOUNTLIMIT", "eventCount": map[string]any{}}},
		"a limit of none":   {"defaultLimit": count(0, "min")},
		"weeks":             {"defaultLimit": count(1, "week")},
		"a plan with a fee": {"billingPlan": "COMMERCIAL"},
		"permissions":       {"permissions": map[string]any{"permissionType": "ALLOW", "roles": []string{"a"}}},
		"GraphQL":           {"graphQLMaxDepth": 3},
		"groups":            {"conditionalGroups": []any{map[string]any{"limit": count(1, "min"), "conditions": []any{map[string]any{"type": "HEADERCONDITION"}}}}},
		"no data unit":      {"defaultLimit": map[string]any{"type": "BANDWIDTHLIMIT", "bandwidth": map[string]any{"timeUnit": "min", "unitTime": 1, "dataAmount": 1, "dataUnit": "TB"}}},
	} {
		body := tierNamed("Mini")
		for field, value := range fields {
			body[field] = value
		}
		if a := s.want(400, every("ann"), "POST", tiers+"/subscription", body); a.get("description") == "" {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	s.want(409, every("ann"), "POST", tiers+"/subscription", tierNamed("Gold"))
	s.want(409, every("ann"), "DELETE", tiers+"/subscription/built-in-subscription-Gold", nil)
	s.want(409, every("ann"), "PUT", tiers+"/subscription/built-in-subscription-Gold", tierNamed("Gold"))
	s.want(403, every("pat"), "POST", tiers+"/subscription", tierNamed("Mini")) // check 138
	s.want(403, every("pat"), "POST", adminAPI+"/throttling/deny-policies", map[string]any{"conditionType": "USER", "conditionValue": "sue"})
	s.want(403, every("sue"), "GET", adminAPI+"/throttling/deny-policies", nil)
}

// A tier is there for whoever may name it, and cannot be deleted while it is named.
func TestTiersInUseStay(t *testing.T) {
	s := newSite(t)
	ids := map[string]string{}
	for _, level := range []string{"subscription", "application", "advanced"} {
		ids[level] = s.want(201, every("ann"), "POST", tiers+"/"+level, tierNamed("Mini")).get("policyId")
	}
	api := s.imported()
	change := map[string]any{"apiThrottlingPolicy": "Mini", "policies": []string{"Mini", "Gold"}, "maxTps": map[string]any{"production": 10.0, "productionTimeUnit": "MINUTE"}, "unauthenticatedThrottlingPolicy": "Unauthenticated"}
	a := s.want(200, every("pat"), "PUT", publisherAPI+"/apis/"+api, change)
	if tps, _ := a.body["maxTps"].(map[string]any); a.get("apiThrottlingPolicy") != "Mini" || a.get("unauthenticatedThrottlingPolicy") != "Unauthenticated" || tps["production"] != 10.0 || tps["productionTimeUnit"] != "MINUTE" {
		t.Errorf("changed to %s", a.text)
	}
	app := s.want(201, every("sue"), "POST", storeAPI+"/applications", map[string]any{"name": "shop", "throttlingPolicy": "Mini"}).get("applicationId")
	sub := s.want(201, every("sue"), "POST", storeAPI+"/subscriptions", map[string]any{"applicationId": app, "apiId": api, "throttlingPolicy": "Mini"}).get("subscriptionId")
	for level, by := range map[string]string{"subscription": "API Petstore 1.0.0, 1 subscriptions", "application": "1 applications", "advanced": "API Petstore 1.0.0"} {
		if a := s.want(409, every("ann"), "DELETE", tiers+"/"+level+"/"+ids[level], nil); !strings.Contains(a.get("description"), "used by "+by) {
			t.Errorf("%s: %s does not say by what", level, a.text)
		}
	}
	for _, path := range []string{storeAPI, publisherAPI} {
		if list := s.want(200, every("pat"), "GET", path+"/throttling-policies/subscription", nil).list(s); list[len(list)-1]["name"] != "Mini" {
			t.Errorf("%s lists %v", path, list)
		}
	}
	s.want(200, every("pat"), "PUT", publisherAPI+"/apis/"+api, map[string]any{"apiThrottlingPolicy": "Unlimited", "policies": []string{"Gold"}})
	s.want(200, every("ann"), "DELETE", tiers+"/advanced/"+ids["advanced"], nil)
	s.want(409, every("ann"), "DELETE", tiers+"/subscription/"+ids["subscription"], nil)
	s.want(200, every("sue"), "DELETE", storeAPI+"/subscriptions/"+sub, nil)
	s.want(200, every("ann"), "DELETE", tiers+"/subscription/"+ids["subscription"], nil)
	s.want(400, every("pat"), "PUT", publisherAPI+"/apis/"+api, map[string]any{"policies": []string{"Mini"}})
	s.want(400, every("pat"), "PUT", publisherAPI+"/apis/"+api, map[string]any{"apiThrottlingPolicy": "Mini"})
	s.want(400, everyIn("other", "olga"), "POST", storeAPI+"/applications", map[string]any{"name": "shop", "throttlingPolicy": "Mini"}) // check 158
}

// Tools search, export and import tiers.
func TestTiersAsFiles(t *testing.T) {
	s := newSite(t)
	s.want(201, every("ann"), "POST", tiers+"/subscription", tierNamed("GoldPlus"))
	found := s.want(200, every("ann"), "GET", tiers+"/search?query=name:GoldPlus+type:sub", nil).list(s)
	if len(found) != 1 || found[0]["policyId"] != 1.0 || found[0]["type"] != "sub" {
		t.Fatalf("found %v", found)
	}
	if gold := s.want(200, every("ann"), "GET", tiers+"/search?query=name:Gold+type:sub", nil).list(s); len(gold) != 1 || gold[0]["policyName"] != "Gold" {
		t.Errorf("found %v: what is deleted by its name must be that", gold)
	}
	file := s.want(200, every("ann"), "GET", tiers+"/export?name=GoldPlus&type=sub&format=YAML", nil)
	data := file.text[strings.Index(file.text, `"data":{`)+8:]
	if second := strings.Split(data, ",")[1]; second != `"policyName":"GoldPlus"` || file.get("subtype") != "subscription policy" {
		t.Errorf("clients take the second key of the data for the name: %s", file.text)
	}
	importing := func(path, text string) int {
		return s.upload(every("ann"), "POST", tiers+"/import"+path, map[string]string{"file": text}).status
	}
	if got := importing("", file.text); got != http.StatusConflict {
		t.Errorf("a tier that is there: %d", got)
	}
	if got := importing("?overwrite=true", file.text); got != http.StatusCreated {
		t.Errorf("overwrite: %d", got)
	}
	s.want(200, every("ann"), "DELETE", tiers+"/subscription/"+found[0]["uuid"].(string), nil)
	yaml := "type: throttling policy\nsubtype: application policy\ndata:\n  policyName: FromYAML\n  defaultLimit: {type: REQUESTCOUNTLIMIT, requestCount: {timeUnit: min, unitTime: 1, requestCount: 7}}\n"
	for name, row := range map[string]struct {
		text   string
		status int
	}{"JSON": {file.text, 201}, "YAML": {yaml, 201}, "nothing": {"", 400}, "a custom rule": {strings.Replace(yaml, "application policy", "custom rule", 1), 400}, "no mapping": {"- a", 400}, "keys that are no texts": {"{1: {[2]: 3}}", 400}} {
		if got := importing("", row.text); got != row.status {
			t.Errorf("%s: %d, want %d", name, got, row.status)
		}
	}
	s.want(404, every("ann"), "GET", tiers+"/export?name=Nothing", nil)
}

func TestDenyPoliciesOnTheWire(t *testing.T) {
	const path = adminAPI + "/throttling/deny-polic"
	s := newSite(t)
	for kind, value := range map[string]any{
		"API": "/petstore/1.0.0", "APPLICATION": "sue:shop", "USER": "sam",
		"IP": map[string]any{"fixedIp": "192.0.2.1", "invert": false}, "IPRANGE": map[string]any{"startingIp": "192.0.2.1", "endingIp": "192.0.2.9", "invert": true},
	} {
		body := map[string]any{"conditionType": kind, "conditionValue": value}
		made := s.want(201, every("ann"), "POST", path+"ies", body)
		if !reflect.DeepEqual(made.body["conditionValue"], value) || made.body["conditionStatus"] != true {
			t.Errorf("%s: made %s", kind, made.text)
		}
		one := path + "y/" + made.get("conditionId")
		s.want(409, every("ann"), "POST", path+"ies", body)
		s.want(404, everyIn("other", "olga"), "PATCH", one, map[string]any{"conditionStatus": false}) // check 137
		s.want(404, everyIn("other", "olga"), "DELETE", one, nil)
		s.want(400, every("ann"), "PATCH", one, map[string]any{})
		if off := s.want(200, every("ann"), "PATCH", one, map[string]any{"conditionStatus": false}); off.body["conditionStatus"] != false {
			t.Errorf("%s: switched off: %s", kind, off.text)
		}
	}
	all := s.want(200, every("ann"), "GET", path+"ies", nil).list(s)
	if len(all) != 5 {
		t.Errorf("%d policies are listed", len(all))
	}
	for _, d := range all {
		s.want(200, every("ann"), "DELETE", path+"y/"+d["conditionId"].(string), nil)
		s.want(404, every("ann"), "GET", path+"y/"+d["conditionId"].(string), nil)
	}
	for _, value := range []any{7, nil, map[string]any{}, "elsewhere", []string{"a"}} {
		s.want(400, every("ann"), "POST", path+"ies", map[string]any{"conditionType": "IP", "conditionValue": value})
	}
}
