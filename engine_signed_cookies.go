package ginsession

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// cookieSalt is the salt of Django's signed_cookies engine.
const cookieSalt = "django.contrib.sessions.backends.signed_cookies"

// SignedCookies keeps the session in the cookie itself, signed with Config.SecretKey. Nothing
// is kept on the server, so there is much that it cannot do:
//
//   - revoke: a cookie that was copied stays good until it expires, even after Flush;
//   - hide: the visitor can read the data, though not change it, unless there are
//     Config.EncryptionKeys;
//   - compare and swap: of two concurrent requests the later answer wins, and [Modify], [Claim],
//     [Manager.Exists] and [Manager.Delete] return errors.ErrUnsupported;
//   - grow: a name and value of more than 4096 bytes fail with [ErrCookieTooLarge].
//
// A cookie is good for Config.CookieAge from when it was signed, or for as long as the
// session's own expiry says. Source: Django's signed_cookies backend.
func SignedCookies() Engine { return signedCookies{} }

type signedCookies struct{}

func (signedCookies) open(cfg *settings) (backend, error) {
	if cfg.codec.signer == nil && cfg.codec.sealer == nil {
		return nil, configError("SecretKey", "not set: SignedCookies signs the session with it; use at least 50 random characters")
	}
	return &cookieBackend{cfg}, nil
}

// cookieBackend keeps a session in its cookie: the key is the signed record itself.
type cookieBackend struct{ cfg *settings }

func (b *cookieBackend) isKey(value string) bool { return value != "" }

// newKey leaves the key as it is: signing the session anew gives it another.
func (b *cookieBackend) newKey(old string) (string, error) { return old, nil }

func (b *cookieBackend) load(_ context.Context, value string, now time.Time) (Record, document, error) {
	data := bytesOf(value)
	doc, signedAt, err := b.cfg.read(data, "")
	if err != nil {
		return Record{}, document{}, err
	}
	expires := b.cfg.deadline(&doc, signedAt)
	if !expires.After(now) {
		return Record{}, document{}, ErrNotFound
	}
	return Record{Data: data, Expires: expires}, doc, nil
}

// save signs the session anew. The middleware sends the result.
func (b *cookieBackend) save(s *Session, force bool, now time.Time) error {
	if !force && s.storedKey == "" && s.dict.isEmpty() {
		return nil
	}
	d := s.draft(s.changes, now, "", "")
	var record Record
	var err error
	if s.storedKey == "" {
		record, err = d.build()
	} else {
		record, err = d.mutate(s.base)
	}
	if err != nil {
		return err
	}
	value := string(record.Data)
	if err := b.cfg.checkSize(value); err != nil {
		return err
	}
	s.key = value
	s.noteSaved(record, &d.doc)
	return nil
}

func (b *cookieBackend) touch(s *Session, _ time.Time) error { return s.save(true) }

func (b *cookieBackend) claim(*Session, *entry, func(string) error) (bool, error) {
	return false, b.supports("Claim")
}

func (b *cookieBackend) exists(context.Context, string) (bool, error) {
	return false, b.supports("Exists")
}

func (b *cookieBackend) owners(method string) (OwnerStore, error) { return nil, b.supports(method) }

func (b *cookieBackend) delete(context.Context, string) error { return b.supports("Delete") }

func (b *cookieBackend) clearExpired(context.Context, time.Time, ClearOptions) (int64, error) {
	return 0, nil
}

func (b *cookieBackend) supports(method string) error {
	return fmt.Errorf("ginsession: %s needs an engine that keeps sessions on the server: %w", method, errors.ErrUnsupported)
}

func (b *cookieBackend) needsHeader() bool { return true }
