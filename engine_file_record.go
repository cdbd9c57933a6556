package ginsession

import (
	"bytes"
	"strings"
	"time"

	"github.com/ginsession/ginsession/internal/envelope"
)

// pack returns the bytes of a record's file. An empty file is a session that Django's file engine
// is just creating. So a record without bytes, which only direct users of a [Store] write, gets a
// line feed, and a record of line feeds only gets one more.
func pack(data []byte) []byte {
	if len(bytes.Trim(data, "\n")) > 0 {
		return data
	}
	return append(bytes.Clone(data), '\n')
}

// unpack is the inverse of pack.
func (s *fileStore) unpack(key string, data []byte, modified time.Time) []byte {
	switch {
	case len(data) == 0:
		return s.cfg.codec.seal([]byte("{}"), modified, key)
	case len(bytes.Trim(data, "\n")) == 0:
		return data[1:]
	}
	return data
}

// The end of a session follows from its file's modification time and its record, as in Django's
// file engine, so that both programs agree on every file:
//
//	the record's own expiry    the session ends           the time to give the file
//	none or 0                  at the time + CookieAge    end - CookieAge
//	n seconds                  at the time + n            end - n
//	a date                     at the date                any
//
// So the end of a record that holds a date changes only with the record. MaxLifetime does not
// depend on the modification time: the record says when the session began. (In Django a session of
// n seconds never ends, because its age is measured from now.)

// expires returns when the session in a file ends.
func (s *fileStore) expires(data []byte, modified time.Time) time.Time {
	end := modified.Add(s.cfg.CookieAge)
	if doc := s.ownExpiry(data); doc != nil {
		end = s.cfg.deadline(doc, modified)
	}
	return end.Truncate(time.Second)
}

// modified returns the modification time to give to a record's file.
func (s *fileStore) modified(r Record) time.Time {
	age := s.cfg.CookieAge
	if doc := s.ownExpiry(r.Data); doc != nil {
		if expiry := s.cfg.expiryOf(doc); expiry.kind == expireAfter {
			age = expiry.age
		}
	}
	return r.Expires.Add(-age)
}

// ownExpiry returns the document of a record that has an expiry of its own, or nil. It parses no
// other, for every read asks. The time of an encrypted record, which Django never reads, says when
// its CookieAge is over.
func (s *fileStore) ownExpiry(data []byte) *document {
	if envelope.IsSealed(data) {
		return nil
	}
	if s.cfg.codec.signer == nil && !bytes.Contains(data, []byte(expiryKey)) {
		return nil
	}
	text, _, err := s.cfg.codec.unseal(data, "")
	if err != nil || !strings.Contains(text, expiryKey) {
		return nil
	}
	doc, err := parseDocument(text)
	if err != nil || doc.find(expiryKey) == nil {
		return nil
	}
	return &doc
}
