package ginsession

import (
	"slices"
	"strings"

	"github.com/ginsession/ginsession/internal/pyjson"
)

// A document is a session's dictionary: the members of the record's JSON object, in their
// order, each with its bytes, and what they have been decoded to or replaced with since.
type document struct {
	entries []entry
	index   map[string]int // by key; nil while a linear search is faster
}

// An entry is one key of the dictionary. A deleted one stays as a tombstone. Loading a session
// allocates its entries: keep them small.
type entry struct {
	name     string // the key, in this spelling
	raw      string // the value as the record spells it; "" if the record has none
	views    *view  // the values that the handler has; see [view]
	change   int32  // 1 + the position of the key's last change in the session's changes
	state    entryState
	spelling spelling
}

// spelling says how entry.name encodes the key.
type spelling uint8

const (
	asKey     spelling = iota // it is the key
	asText                    // and what a record has between the quotes
	asEscaped                 // what a record has between the quotes, which means the key
)

type entryState uint8

const (
	absent   entryState = iota // a tombstone
	recorded                   // the value is what raw says
	assigned                   // the value is the first view's, and not saved yet
)

// indexFrom is the number of keys from which a map finds one faster than a walk.
const indexFrom = 64

// parseDocument splits the text of a record. The entries refer to the text.
func parseDocument(text string) (document, error) {
	const many = 16 // colons may stand in values too
	d := document{entries: make([]entry, 0, min(strings.Count(text, ":"), many))}
	err := pyjson.Members(text, func(name, raw string) {
		e := entry{name: name, raw: raw, state: recorded, spelling: asText}
		if strings.IndexByte(name, '\\') >= 0 {
			e.spelling = asEscaped
		}
		if earlier := d.entry(e.key()); earlier != nil {
			*earlier = e
		} else {
			d.append(e)
		}
	})
	return d, err
}

// entry returns the entry of key, even if it is a tombstone, or nil.
func (d *document) entry(key string) *entry {
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return &d.entries[i]
		}
		return nil
	}
	for i := range d.entries {
		if e := &d.entries[i]; e.key() == key {
			return e
		}
	}
	return nil
}

// key returns the entry's key.
func (e *entry) key() string {
	if e.spelling != asEscaped {
		return e.name
	}
	key, _ := pyjson.Unescape(e.name)
	return key
}

// add returns the entry of key, a new tombstone if there is none. Pointers to entries are valid
// until the next add.
func (d *document) add(key string) *entry {
	if e := d.entry(key); e != nil {
		return e
	}
	return d.append(entry{name: key})
}

// append adds an entry whose key is known to be new.
func (d *document) append(e entry) *entry {
	d.entries = append(d.entries, e)
	last := len(d.entries) - 1
	switch {
	case d.index != nil:
		d.index[e.key()] = last
	case last >= indexFrom || e.spelling == asEscaped: // a search would unescape that key at every step
		d.index = make(map[string]int, 2*last)
		for i := range d.entries {
			d.index[d.entries[i].key()] = i
		}
	}
	return &d.entries[last]
}

// find returns the entry of a key that is in the dictionary, or nil.
func (d *document) find(key string) *entry {
	if e := d.entry(key); e != nil && e.state != absent {
		return e
	}
	return nil
}

// keys lists the dictionary's keys in sorted order.
func (d *document) keys() []string {
	keys := make([]string, 0, len(d.entries))
	for i := range d.entries {
		if d.entries[i].state != absent {
			keys = append(keys, d.entries[i].key())
		}
	}
	slices.Sort(keys)
	return keys
}

// isEmpty reports whether the dictionary has no key.
func (d *document) isEmpty() bool {
	return !slices.ContainsFunc(d.entries, func(e entry) bool { return e.state != absent })
}

// clone returns a document that can be changed without changing d, with the bytes only.
func (d *document) clone() document {
	c := document{entries: make([]entry, 0, len(d.entries)+2)}
	for i := range d.entries {
		if e := &d.entries[i]; e.raw != "" {
			c.append(entry{name: e.name, raw: e.raw, state: recorded, spelling: e.spelling})
		}
	}
	return c
}

// encode returns the document as a JSON object. Every entry must have its raw value.
func (d *document) encode() ([]byte, error) {
	size := len(`{}`)
	for i := range d.entries {
		e := &d.entries[i]
		size += len(`"":,`) + len(e.name) + len(e.raw)
	}
	b := append(make([]byte, 0, size), '{')
	first := true
	for i := range d.entries {
		e := &d.entries[i]
		if e.state == absent {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if e.spelling == asKey {
			var err error
			if b, err = pyjson.AppendString(b, e.name); err != nil {
				return nil, encodeError(e.name, err)
			}
		} else {
			b = append(b, '"')
			b = append(b, e.name...)
			b = append(b, '"')
		}
		b = append(b, ':')
		b = append(b, e.raw...)
	}
	return append(b, '}'), nil
}
