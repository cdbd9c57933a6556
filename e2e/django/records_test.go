package django_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

// testRecords has each program read sessions that the other one wrote.
func testRecords(t *testing.T, b backend, p *pair) {
	random := rand.New(rand.NewPCG(1, 2))
	sessions := 1000
	if !p.site.UseTZ {
		sessions = 100 // the zone has no part in it
	}
	for range sessions {
		data := randomData(random, b)
		want := canonical(t, tag(data))

		if got := canonical(t, p.site.load(t, p.shop.save(t, data, ginsession.ExpireDefault)).Data); got != want {
			t.Fatalf("Gin wrote\n%s\nDjango reads\n%s", want, got)
		}
		s := p.shop.Open(t.Context(), p.site.save(t, data, nil))
		if got := canonical(t, tag(s.Items())); got != want {
			t.Fatalf("Django wrote\n%s\nGin reads\n%s (%v)", want, got, s.Err())
		}
	}
}

// testBytes changes one key of what Django wrote and looks at the others.
func testBytes(t *testing.T, b backend, p *pair) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		data := randomData(random, b)
		data["float"], data["big"] = 1e22, json.Number("-123456789012345678901234567890")
		p.checkBytes(t, p.site.save(t, data, nil))
	}

	var odd string
	p.site.ask(t, "save_odd", nil, &odd)
	p.checkBytes(t, odd)
	s := p.shop.Open(t.Context(), odd)
	for _, key := range []string{"nan", "inf", "lone"} {
		if v, ok := s.Lookup(key); ok || !s.Has(key) {
			t.Errorf("%s is read as %v", key, v)
		}
	}
	if got := s.Get("sound"); got != int64(1) {
		t.Errorf("beside them there is %v", got)
	}
}

// checkBytes adds a key to a session that Django wrote.
func (p *pair) checkBytes(t *testing.T, key string) {
	t.Helper()
	before := p.site.text(t, key)
	s := p.shop.Open(t.Context(), key)
	s.Items() // reading is no reason to write it anew
	s.Set("changed", true)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(before, "}") + `,"changed":true}`
	if got := p.site.text(t, s.Key()); got != want {
		t.Fatalf("Django wrote\n%s\nand after a change by Gin has\n%s", before, got)
	}
}

func (s *site) text(t *testing.T, key string) string {
	t.Helper()
	var text string
	s.ask(t, "text", map[string]any{"key": key}, &text)
	return text
}

// tag has each value's type beside it, as peer.py does.
func tag(v any) []any {
	switch v := v.(type) {
	case nil:
		return []any{"none"}
	case bool:
		return []any{"bool", v}
	case int64:
		return []any{"int", strconv.FormatInt(v, 10)}
	case json.Number:
		return []any{"int", v.String()}
	case float64:
		return []any{"float", strconv.FormatFloat(v, 'x', -1, 64)}
	case string:
		return []any{"str", v}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = tag(v[i])
		}
		return []any{"list", list}
	case map[string]any:
		dict := make(map[string]any, len(v))
		for key := range v {
			dict[key] = tag(v[key])
		}
		return []any{"dict", dict}
	}
	return []any{"unexpected", v}
}

// canonical spells tagged values in one way, whoever tagged them.
func canonical(t *testing.T, tagged any) string {
	t.Helper()
	text, err := json.Marshal(respell(tagged))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// respell spells floats as Go does: Python has other ways to write the same hexadecimal.
func respell(tagged any) any {
	switch v := tagged.(type) {
	case []any:
		if len(v) == 2 && v[0] == "float" {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			if err == nil {
				return tag(f)
			}
		}
		for i := range v {
			v[i] = respell(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = respell(v[key])
		}
	}
	return tagged
}

// randomData is a session with some of everything that JSON can say, small enough for a cookie
// where that has to hold it.
func randomData(random *rand.Rand, b backend) map[string]any {
	keys, depth := random.IntN(12), 3
	if b.stateless {
		keys, depth = random.IntN(4), 1
	}
	data := make(map[string]any)
	for range keys {
		data[randomText(random)] = randomValue(random, depth)
	}
	return data
}

func randomValue(random *rand.Rand, depth int) any {
	kinds := 11
	if depth == 0 {
		kinds = 9
	}
	switch random.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return random.Int64() >> random.IntN(64) * (1 - 2*random.Int64N(2))
	case 3: // beyond 64 bits
		return json.Number([]string{"", "-"}[random.IntN(2)] + "9223372036854775809" + strconv.FormatUint(random.Uint64(), 10))
	case 4:
		return float64(random.IntN(100)) * math.Pow10(random.IntN(30))
	case 5:
		if f := math.Float64frombits(random.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
		return math.Copysign(0, -1)
	case 6:
		return strings.Repeat(randomText(random), random.IntN(30)) // worth compressing
	case 7, 8:
		return randomText(random)
	case 9:
		list := make([]any, random.IntN(4))
		for i := range list {
			list[i] = randomValue(random, depth-1)
		}
		return list
	default:
		dict := make(map[string]any)
		for range random.IntN(4) {
			dict[randomText(random)] = randomValue(random, depth-1)
		}
		return dict
	}
}

func randomText(random *rand.Rand) string {
	letters := []rune("abcXYZ0189 .,:;-_\"'\\/<>&{}[]\x00\x01\b\t\n\f\r\x1f\x7f\u0080\u00ffÄß中\u2028\ufeff\uffff😀\U0010ffff")
	text := make([]rune, random.IntN(12))
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}
