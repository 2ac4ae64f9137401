package rest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// A tier that is taken comes back as one that is taken again, and is the same.
func FuzzTierBody(f *testing.F) {
	f.Add("subscription", `{"policyName":"a","defaultLimit":{"type":"REQUESTCOUNTLIMIT","requestCount":{"timeUnit":"min","unitTime":1,"requestCount":3}},"rateLimitCount":1,"rateLimitTimeUnit":"sec","stopOnQuotaReach":false}`)
	f.Add("application", `{"policyName":"a","defaultLimit":{"type":"BANDWIDTHLIMIT","bandwidth":{"timeUnit":"days","unitTime":2,"dataAmount":3,"dataUnit":"KB"}}}`)
	f.Add("advanced", `{"policyName":"a","defaultLimit":{"type":"REQUESTCOUNTLIMIT","requestCount":{"timeUnit":"hour","unitTime":1,"requestCount":3}},"conditionalGroups":[{"description":"d","limit":{"type":"BANDWIDTHLIMIT","bandwidth":{"timeUnit":"month","unitTime":1,"dataAmount":3,"dataUnit":"B"}},"conditions":[{"type":"IPCONDITION","invertCondition":true,"ipCondition":{"ipConditionType":"IPRANGE","startingIP":"::1","endingIP":"::2"}},{"type":"HEADERCONDITION","headerCondition":{"headerName":"a","headerValue":"b+"}}]}]}`)
	f.Fuzz(func(t *testing.T, level, text string) {
		var body tierBody
		if json.Unmarshal([]byte(text), &body) != nil {
			t.Skip()
		}
		tier, err := body.read(gatehouse.TierLevel(level))
		if err != nil || tier.Validate() != nil {
			t.Skip()
		}
		written, err := newTierBody(tier)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		var second tierBody
		if err := json.Unmarshal(again, &second); err != nil {
			t.Fatal(err)
		}
		same, err := second.read(tier.Level)
		if err != nil || same.Validate() != nil || !reflect.DeepEqual(same, tier) {
			t.Fatalf("%+v comes back as %+v: %v", tier, same, err)
		}
	})
}

// Nothing that is sent as a deny policy or as a tier's file makes the server fail.
func FuzzDenyBody(f *testing.F) {
	f.Add("IP", `{"fixedIp":"::1","invert":true}`)
	f.Add("IPRANGE", `{"startingIp":"10.0.0.1","endingIp":"10.0.0.2"}`)
	f.Add("API", `"/pets/1.0.0"`)
	f.Add("USER", "subtype: advanced policy\ndata: {policyName: a}")
	f.Fuzz(func(t *testing.T, kind, value string) {
		_, _ = readExported([]byte(value))
		d, err := (&denyBody{ConditionType: kind, ConditionValue: json.RawMessage(value)}).read()
		if err != nil || d.Canonical("johnsorg") != nil {
			t.Skip()
		}
		before := d
		if err := d.Canonical("johnsorg"); err != nil || d != before {
			t.Fatalf("%+v is not canonical: %+v, %v", before, d, err)
		}
	})
}
