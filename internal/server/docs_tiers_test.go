package server_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// Every command of docs/tiers.md does what the page says, as it is printed.
func TestTheTiersPageRunsAsPrinted(t *testing.T) {
	d := newDocs(t)
	check(t, d.Organization.SetRoles(t.Context(), "johnsorg", "john@johns.org", []gatehouse.Role{gatehouse.Admin}))
	apis, err := d.Publisher.APIs(t.Context(), d.john)
	check(t, err)
	d.token(`curl -k -s -u "$KEY:$SECRET" "$GATEWAY/token" -d grant_type=password --data-urlencode "username=$USERNAME" --data-urlencode "password=$PASSWORD" -d scope=` +
		url.QueryEscape("apim:admin apim:api_create"))
	d.env["TOKEN"], d.env["PORTAL"], d.env["API"] = d.env["ACCESS_TOKEN"], d.PortalURL, apis[0].ID
	var printed []string
	for _, command := range commands(t, "../tiers") {
		answer := d.run(command)
		if answer == nil {
			t.Fatalf("%s\nprints no JSON", command)
		}
		for _, field := range []string{"policyName", "apiThrottlingPolicy", "conditionType"} {
			if value, ok := answer[field].(string); ok {
				printed = append(printed, value)
			}
		}
		if answer["conditionStatus"] == false {
			printed = append(printed, "off")
		}
	}
	if got := strings.Join(printed, " "); got != "Thousand ByPlan ByPlan USER USER off" {
		t.Errorf("the page made %s", got)
	}
}
