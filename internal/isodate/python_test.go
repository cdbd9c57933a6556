package isodate_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/isodate"
)

// oracle reads a list of texts. Its answer for each is null if one of Python's implementations
// refuses it, else for both the microseconds since the year 1, in UTC if there is an offset, and
// whether there is one. It is empty for what versions of Python disagree about: offsets of more
// than 59 minutes, and midnight as 24:00.
const oracle = `
import json, re, sys
import datetime as compiled
sys.modules["_datetime"] = None
del sys.modules["datetime"]
import datetime as plain
assert plain.datetime is not compiled.datetime

def answer(m, text):
    try:
        d = m.datetime.fromisoformat(text)
    except (ValueError, AssertionError):
        return None
    start = m.datetime(1, 1, 1, tzinfo=d.tzinfo and m.timezone.utc)
    return [(d - start) // m.timedelta(microseconds=1), d.tzinfo is not None]

def both(text):
    if re.search(r"[+-]\d\d:?([6-9]|\d\d:?[6-9])", text[10:]):
        return []
    if sys.version_info >= (3, 13) and re.search("24:?00", text):
        return []
    answers = [answer(m, text) for m in (compiled, plain)]
    return None if None in answers else answers

json.dump([both(text) for text in json.load(sys.stdin)], sys.stdout)
`

// reading is what Python makes of a text: its microseconds, a number, and whether it has an offset.
type reading = [2]any

// askPython has Python's implementations read the texts. See oracle.
func askPython(t *testing.T, texts []string) [][]reading {
	t.Helper()
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), "-c", oracle)
	cmd.Stdin = strings.NewReader(string(input))
	var complaint strings.Builder
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("Python: %v: %s", err, &complaint)
	}
	var answers [][]reading
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// python returns a Python 3.11 or later. Without one it skips the test, and fails it in CI.
func python(t *testing.T) string {
	t.Helper()
	const isRecent = "import sys; sys.exit(sys.version_info < (3, 11))"
	for _, name := range []string{os.Getenv("PYTHON"), "python3", "/usr/bin/python3"} {
		if name != "" && exec.CommandContext(t.Context(), name, "-c", isRecent).Run() == nil {
			return name
		}
	}
	const reason = "no Python 3.11 or later: install python3"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip("SKIPPED: " + reason)
	return ""
}

// TestAgainstPython compares with real Python what is made of texts that are dates or nearly so.
func TestAgainstPython(t *testing.T) {
	const seed, count = 1, 20_000
	random := rand.New(rand.NewPCG(seed, 0))
	texts := make([]string, count)
	for i := range texts {
		texts[i] = randomText(random)
	}
	accepted := 0
	for i, answers := range askPython(t, texts) {
		if answers != nil && len(answers) == 0 {
			continue
		}
		got, ok := isodate.Parse(texts[i], naive)
		if ok != (answers != nil) {
			t.Errorf("%q: read as %v, %v; Python: %v", texts[i], got, ok, answers)
		}
		if !ok || answers == nil {
			continue
		}
		accepted++
		if !isReading(got, answers[0]) && !isReading(got, answers[1]) {
			t.Errorf("%q: %v; Python: %v", texts[i], got, answers)
		}
	}
	if accepted < count/4 || accepted > count*3/4 {
		t.Errorf("%d of %d texts were accepted: the test needs more of the others", accepted, count)
	}
}

// naive is a location that no text names.
var naive = time.FixedZone("naive", 12345)

func isReading(got time.Time, want reading) bool {
	start := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	hasOffset := got.Location() != naive
	if !hasOffset {
		start = time.Date(1, 1, 1, 0, 0, 0, 0, naive)
	}
	return want == reading{float64(got.UnixMicro() - start.UnixMicro()), hasOffset}
}

// randomText returns a date, at times with characters lost, added or exchanged.
func randomText(random *rand.Rand) string {
	text := []rune(randomDate(random))
	const alphabet = "0123456789-:+.,ZWT é"
	for random.IntN(2) == 0 {
		i := random.IntN(len(text))
		c := []rune(alphabet)[random.IntN(20)]
		switch random.IntN(3) {
		case 0:
			text = append(text[:i], text[i+1:]...)
		case 1:
			text[i] = c
		default:
			text = append(text[:i], append([]rune{c}, text[i:]...)...)
		}
		if len(text) == 0 {
			break
		}
	}
	return string(text)
}

// randomDate returns a date in a random form. What a letter of the form stands for may not exist.
func randomDate(random *rand.Rand) string {
	choose := func(forms ...string) string { return forms[random.IntN(len(forms))] }
	text := choose("Y-M-D", "YMD", "Y-Ww-u", "YWwu", "Y-Ww", "YWw")
	clocks := []string{"H", "H:m", "H:m:S", "H:m:S.f", "H:m:S,f", "Hm", "HmS", "HmS.f"}
	if random.IntN(8) > 0 {
		text += choose("T", " ", "-", "0", "W", "é", "😀") + choose(clocks...)
		switch random.IntN(4) {
		case 0:
			text += choose("+", "-") + choose(clocks...)
		case 1:
			text += choose("Z", "+00:00", "+00:09:21", "-00:00:00.5")
		}
	}
	return fill(random, text)
}

// fill replaces each letter of a form by a number.
func fill(random *rand.Rand, form string) string {
	var b strings.Builder
	for _, c := range form {
		switch c {
		case 'Y':
			b.WriteString(number(random, 4, 1+random.IntN(9999)))
		case 'M':
			b.WriteString(number(random, 2, 1+random.IntN(12)))
		case 'D':
			b.WriteString(number(random, 2, 1+random.IntN(31)))
		case 'w':
			b.WriteString(number(random, 2, 1+random.IntN(53)))
		case 'u':
			b.WriteString(number(random, 1, 1+random.IntN(7)))
		case 'H':
			b.WriteString(number(random, 2, random.IntN(24)))
		case 'm', 'S':
			b.WriteString(number(random, 2, random.IntN(60)))
		case 'f':
			width := 1 + random.IntN(9)
			b.WriteString(number(random, width, random.IntN(1_000_000_000)))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// number returns n with leading zeros, of width digits.
func number(random *rand.Rand, width, n int) string {
	digits := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits)
}
