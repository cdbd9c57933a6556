package ginsession

// What the fuzz tests reach without going through a store or a request.

// IsKey is isKey.
func IsKey(value string) bool { return isKey(value) }

// SplitRecord returns the members of a record's text, and the text that is written of them.
func SplitRecord(text string) (members map[string]string, again string, err error) {
	d, err := parseDocument(text)
	if err != nil {
		return nil, "", err
	}
	members = make(map[string]string, len(d.entries))
	for i := range d.entries {
		members[d.entries[i].key()] = d.entries[i].raw
	}
	b, err := d.encode()
	return members, string(b), err
}
