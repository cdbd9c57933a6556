package messages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/pyjson"
)

// A list is the text that Django's SessionStorage keeps, a JSON array, split into its elements. An
// element that is not a message is kept as it is.
//
// Source: Django's MessageEncoder and MessageDecoder.
type list []json.RawMessage

// marker is the first item of an element that is a message. The others are 1 if the text is safe
// HTML, else 0; the level; the text; and the tags, if any.
const marker = "__json_message"

// parse splits the text of a list. An empty text is an empty list.
func parse(text string) (list, error) {
	if text == "" {
		return nil, nil
	}
	var l list
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return l, nil
}

// encode returns the text of the list, as Python's json.dumps writes it.
func (l list) encode() string {
	return "[" + string(bytes.Join(l.elements(), []byte(", "))) + "]"
}

func (l list) elements() [][]byte {
	elements := make([][]byte, len(l))
	for i, element := range l {
		elements[i] = element
	}
	return elements
}

// messages returns the elements that are messages, never nil.
func (l list) messages() list {
	found := make(list, 0, len(l))
	for _, element := range l {
		if _, ok := decodeMessage(element); ok {
			found = append(found, element)
		}
	}
	return found
}

// without returns the list without one element for each that is in taken.
func (l list) without(taken list) list {
	rest := slices.Clone(l)
	for _, element := range taken {
		same := func(other json.RawMessage) bool { return bytes.Equal(other, element) }
		if i := slices.IndexFunc(rest, same); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
	}
	return rest
}

// decode returns the messages in the list, or nil if it has none.
func (l list) decode() []Message {
	var decoded []Message
	for _, element := range l {
		if m, ok := decodeMessage(element); ok {
			decoded = append(decoded, m)
		}
	}
	return decoded
}

// encodeMessage returns the element of a message, as Python's json.dumps writes it.
func encodeMessage(level Level, text, tags string) (json.RawMessage, error) {
	b := []byte(`["` + marker + `", 0, ` + strconv.Itoa(int(level)) + `, `)
	b, err := pyjson.AppendString(b, text)
	if err == nil && tags != "" {
		b, err = pyjson.AppendString(append(b, ", "...), tags)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: a message: %w", ginsession.ErrEncode, err)
	}
	return append(b, ']'), nil
}

// decodeMessage reads an element. ok is false if it is not a message.
func decodeMessage(element json.RawMessage) (m Message, ok bool) {
	var items []json.RawMessage
	if json.Unmarshal(element, &items) != nil || len(items) != 4 && len(items) != 5 {
		return Message{}, false
	}
	var first, tags string
	var safe int
	fields := []any{&first, &safe, &m.Level, &m.Text, &tags}
	for i, item := range items {
		if json.Unmarshal(item, fields[i]) != nil {
			return Message{}, false
		}
	}
	if tags != "" {
		m.Tags = strings.Fields(tags)
	}
	m.HTML = safe != 0
	return m, first == marker
}
