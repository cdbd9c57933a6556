package pyjson

import (
	"reflect"
)

// Merge returns what becomes of an object that two have changed: mine is what one has made of base,
// theirs what others have. Each member that one has left alone is as the other has it; one that both
// have changed is merged in turn if it is an object, and otherwise mine. If one of the three is no object,
// Merge returns mine, or theirs if mine says the same as base.
func Merge(base, mine, theirs string) string {
	was, ok := object(base)
	own, ok2 := object(mine)
	other, ok3 := object(theirs)
	if !ok || !ok2 || !ok3 {
		if same(base, mine) {
			return theirs
		}
		return mine
	}
	merged := []byte{'{'}
	add := func(name, raw string) {
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(merged, '"')
		merged = append(merged, name...)
		merged = append(merged, '"', ':')
		merged = append(merged, raw...)
	}
	for _, m := range other.members {
		before, changed := was.get(m.key), own.get(m.key)
		switch {
		case before == changed:
			add(m.name, m.raw)
		case changed != "" && before == "":
			add(m.name, changed)
		case changed != "":
			add(m.name, Merge(before, changed, m.raw))
		case !same(before, m.raw): // removed by one, changed by the other: nothing that was changed is lost
			add(m.name, m.raw)
		}
	}
	for _, m := range own.members {
		if before := was.get(m.key); other.get(m.key) == "" && !same(before, m.raw) {
			add(m.name, m.raw)
		}
	}
	return string(append(merged, '}'))
}

type member struct{ key, name, raw string }

// A parsed object has its members in the text's order, each name once: the last one counts.
type parsed struct {
	members []member
	index   map[string]int
}

func object(text string) (parsed, bool) {
	o := parsed{index: map[string]int{}}
	err := Members(text, func(name, raw string) {
		key, _ := Unescape(name)
		if i, ok := o.index[key]; ok {
			o.members[i] = member{key, name, raw}
			return
		}
		o.index[key] = len(o.members)
		o.members = append(o.members, member{key, name, raw})
	})
	return o, err == nil
}

// get returns the text of a member's value, or "".
func (o parsed) get(key string) string {
	if i, ok := o.index[key]; ok {
		return o.members[i].raw
	}
	return ""
}

// same reports whether two texts have the same value, as different encoders may write it. "" is none.
func same(a, b string) bool {
	if a == b {
		return true
	}
	if a == "" || b == "" {
		return false
	}
	x, err := Decode(a)
	if err != nil {
		return false
	}
	y, err := Decode(b)
	return err == nil && reflect.DeepEqual(x, y)
}
