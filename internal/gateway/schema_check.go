package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// valueLimits are the limits of JSON that is held against a schema. Numbers are read
// exactly, so their digits are bounded.
var valueLimits = jsonLimits{
	depth: maxSchemaDepth, properties: maxThreat, elements: maxThreat, text: maxThreat, name: maxThreat, number: 400, exponent: 2,
}

// checkText says what is wrong with a text of JSON, nothing when it is as s wants it.
func (s *schema) checkText(text []byte) string {
	scan, fault := scanJSON(text, valueLimits)
	switch {
	case fault == jsonDeep:
		return fmt.Sprintf(" has more than %d objects and arrays within each other", maxSchemaDepth)
	case fault == jsonText:
		return " holds a number with too many digits"
	case fault != jsonSound:
		return " is no JSON"
	case !s.cost[scan.deepest].allows(len(text), scan.values):
		return " is too large or too deep to be held against its schema"
	}
	value, err := decodeJSON(text)
	if err != nil {
		return " is no JSON"
	}
	return s.check(value)
}

// check says what is wrong with a value.
func (s *schema) check(value any) string {
	wrong, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(value))
	if !ok {
		return ""
	}
	for len(wrong.Causes) > 0 && deeper(wrong) {
		wrong = slices.MinFunc(wrong.Causes, func(a, b *jsonschema.ValidationError) int {
			return slices.Compare(a.InstanceLocation, b.InstanceLocation) // their order is that of a map
		})
	}
	place := ""
	for _, name := range wrong.InstanceLocation {
		place += "/" + pointerEscape.Replace(name)
	}
	if len(place) > maxPlace {
		place = strings.ToValidUTF8(place[:maxPlace], "") + "…"
	}
	if place != "" {
		place = " at '" + place + "'"
	}
	return place + " " + words(wrong.ErrorKind)
}

// maxPlace bounds, in bytes, the JSON pointer that is told.
const maxPlace = 200

// deeper reports whether what is wrong is one of the causes, and not all of them together.
func deeper(e *jsonschema.ValidationError) bool {
	switch e.ErrorKind.(type) {
	case *keyword.Schema, *keyword.Group, *keyword.Reference, *keyword.AllOf:
		return true
	}
	return len(e.Causes) == 1
}

// words says what is wrong out of what the schema says alone, so that nothing of a message
// is repeated but the names on the way to the place.
func words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *keyword.Type:
		return "must be of type " + strings.Join(k.Want, " or ")
	case *keyword.Required:
		return fmt.Sprintf("lacks the property %.100q", k.Missing[0])
	case *keyword.AdditionalProperties:
		return "has a property that the schema does not allow"
	case *keyword.Enum, *keyword.Const:
		return "must be one of the values that the schema lists"
	case *keyword.Format:
		return "must be of the format " + k.Want
	case *keyword.Pattern:
		return "must match the pattern of the schema"
	case *keyword.AnyOf:
		return "must be one of the alternatives of the schema"
	case *keyword.OneOf:
		return "must be exactly one of the alternatives of the schema"
	case *keyword.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *keyword.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *keyword.MinItems:
		return fmt.Sprintf("must have at least %d items", k.Want)
	case *keyword.MaxItems:
		return fmt.Sprintf("must have at most %d items", k.Want)
	case *keyword.UniqueItems:
		return "must have no item twice"
	case *keyword.MinProperties:
		return fmt.Sprintf("must have at least %d properties", k.Want)
	case *keyword.MaxProperties:
		return fmt.Sprintf("must have at most %d properties", k.Want)
	case *keyword.Minimum:
		return "must be at least " + k.Want.RatString()
	case *keyword.Maximum:
		return "must be at most " + k.Want.RatString()
	case *keyword.ExclusiveMinimum:
		return "must be more than " + k.Want.RatString()
	case *keyword.ExclusiveMaximum:
		return "must be less than " + k.Want.RatString()
	case *keyword.MultipleOf:
		return "must be a multiple of " + k.Want.RatString()
	}
	return "is not as the schema wants it"
}
