package pyjson_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/pyjson"
)

func TestMerge(t *testing.T) {
	for _, tt := range []struct{ name, base, mine, theirs, want string }{
		{"nobody else", `{"a":1}`, `{"a":2}`, `{"a":1}`, `{"a":2}`},
		{"each a member", `{}`, `{"a":1}`, `{"b":2}`, `{"b":2,"a":1}`},
		{"each changes one", `{"a":1,"b":1}`, `{"a":2,"b":1}`, `{"a":1,"b":3}`, `{"a":2,"b":3}`},
		{"both change one", `{"a":1}`, `{"a":2}`, `{"a":3}`, `{"a":2}`},
		{"one removes", `{"a":1,"b":1}`, `{"b":1}`, `{"a":1,"b":2}`, `{"b":2}`},
		{"the other removes", `{"a":1,"b":1}`, `{"a":1,"b":2}`, `{"b":1}`, `{"b":2}`},
		{"removed and changed", `{"a":1}`, `{}`, `{"a":2}`, `{"a":2}`},
		{"changed and removed", `{"a":1}`, `{"a":2}`, `{}`, `{"a":2}`},
		{"deeper", `{"a":{"x":1}}`, `{"a":{"x":1,"y":2}}`, `{"a":{"x":1,"z":3}}`, `{"a":{"x":1,"z":3,"y":2}}`},
		{"spelled in another way", `{"\u0061": 1.0, "b": {"y":1, "x":2}}`, `{"a":1.0,"b":{"x":2,"y":1},"c":0}`, `{"\u0061": 2, "b": {"y":1, "x":3}}`, `{"\u0061":2,"b":{"y":1,"x":3},"c":0}`},
		{"lists that are alike", `{"a":[1, 2]}`, `{"a":[1,2]}`, `{"a":[1,3]}`, `{"a":[1,3]}`},
		{"both add one", `{}`, `{"a":1}`, `{"a":2}`, `{"a":1}`},
		{"deep", strings.Repeat(`{"a":`, 900) + `1` + strings.Repeat(`}`, 900), strings.Repeat(`{"a":`, 900) + `2` + strings.Repeat(`}`, 900), strings.Repeat(`{"a":`, 900) + `1` + strings.Repeat(`}`, 900), strings.Repeat(`{"a":`, 900) + `2` + strings.Repeat(`}`, 900)},
		{"NaN", `{"a":NaN}`, `{"a":NaN,"b":1}`, `{"a":NaN,"c":1}`, `{"a":NaN,"c":1,"b":1}`},
		{"lists", `[1]`, `[1,2]`, `[1,3]`, `[1,2]`},
		{"mine is a list", `{}`, `[]`, `{}`, `[]`},
		{"theirs is none", `{}`, `{"a":1}`, `null`, `{"a":1}`},
		{"no JSON", `{`, `{"a":1}`, `{}`, `{"a":1}`},
	} {
		if got := pyjson.Merge(tt.base, tt.mine, tt.theirs); got != tt.want {
			t.Errorf("%s: Merge(%s, %s, %s) = %s, want %s", tt.name, tt.base, tt.mine, tt.theirs, got, tt.want)
		}
	}
}
