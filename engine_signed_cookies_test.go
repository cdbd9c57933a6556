package ginsession_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/signing"
)

func TestSignedCookiesEngine(t *testing.T) {
	enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() })
}

// djangosCookieSalt separates the cookies of Django's signed_cookies engine from what else is signed.
const djangosCookieSalt = "django.contrib.sessions.backends.signed_cookies"

func cookies(cfg *ginsession.Config) { cfg.Engine = ginsession.SignedCookies() }

// newCookieSite starts a site that keeps sessions in their cookies.
func newCookieSite(t *testing.T, changes ...func(*ginsession.Config)) *site {
	t.Helper()
	return newSite(t, append([]func(*ginsession.Config){withSecret, cookies}, changes...)...)
}

// cookieSigner signs as the engine does.
func cookieSigner(t *testing.T, secret, salt string) *signing.TimestampSigner {
	t.Helper()
	signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: secret, Salt: salt, Compress: true})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// packedPayload is a payload as a signed cookie has it if it is compressed.
func packedPayload(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err == nil {
		_, err = z.Write([]byte(text))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return "." + base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// keysOf returns the visitor's keys, as a request sees them.
func keysOf(v *visitor) (keys []string) {
	v.get(func(s *ginsession.Session) { keys = s.Keys() })
	return keys
}

// The name and the value of a cookie may have 4096 bytes, and not one more. Text that does not
// compress is tuned for that: base64 makes four bytes of three, so the name fills up.
func TestSignedCookieSize(t *testing.T) {
	noise := func(n int) string {
		var b strings.Builder
		for i := uint64(1); b.Len() < n; i++ {
			fmt.Fprintf(&b, "%x", i*0x9E3779B97F4A7C15)
		}
		return b.String()[:n]
	}
	probe := newCookieSite(t).visitor(t)
	const kept = 3000
	probe.post(func(s *ginsession.Session) { s.Set("a", noise(kept)) })
	size := len(probe.key())
	for name, sent := range map[string]bool{strings.Repeat("n", 4096-size): true, strings.Repeat("n", 4097-size): false} {
		var told error
		w := newCookieSite(t, func(cfg *ginsession.Config) {
			cfg.CookieName = name
			cfg.ErrorHandler = func(c *gin.Context, err error) {
				told = err
				c.String(http.StatusTeapot, "too much")
			}
		})
		v := w.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", "old") })
		before := fmt.Sprint(v.client.Jar.Cookies(v.url()))
		r := v.post(func(s *ginsession.Session) {
			s.Set("a", noise(kept))
			s.Set("a", noise(kept))
		})
		after := fmt.Sprint(v.client.Jar.Cookies(v.url()))
		if sent {
			check(t, "status", r.StatusCode, http.StatusOK)
			check(t, "the size of the cookie that is sent", len(r.Cookies()[0].Name)+len(r.Cookies()[0].Value), 4096)
			v.get(func(s *ginsession.Session) { check(t, "Get", s.Get("a"), any(noise(kept))) })
			continue
		}
		if !errors.Is(told, ginsession.ErrCookieTooLarge) || !strings.Contains(told.Error(), "4097") {
			t.Errorf("the ErrorHandler got %v, want an ErrCookieTooLarge that says 4097", told)
		}
		check(t, "answer", fmt.Sprint(r.StatusCode, r.body), fmt.Sprint(http.StatusTeapot, "too much"))
		check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
		check(t, "the cookies", after, before)
		v.get(func(s *ginsession.Session) { check(t, "Get", s.Get("a"), any("old")) })
	}
}

// A signed cookie inflates to 1 MiB at most and is no empty session beyond; an unsigned one is not
// inflated at all.
func TestSignedCookieBomb(t *testing.T) {
	genuine := cookieSigner(t, testSecret, djangosCookieSalt)
	payload := packedPayload(t, `{"a":"`+strings.Repeat("0", 3<<20)+`"}`)
	for name, test := range map[string]struct {
		value string
		most  uint64 // bytes that reading it may allocate
	}{
		"signed":   {genuine.Sign(payload, start), 6 << 20},
		"unsigned": {payload + ":1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo", 64 << 10},
		"of another's signing": {
			cookieSigner(t, "another-secret", djangosCookieSalt).Sign(payload, start), 64 << 10,
		},
	} {
		if len(test.value) > 4500 {
			t.Fatalf("the bomb has %d bytes", len(test.value))
		}
		w := newCookieSite(t)
		w.session(t, "").Load()
		s := w.session(t, test.value)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.Load()
		runtime.ReadMemStats(&after)
		check(t, name+": Load is ErrUnavailable", errors.Is(err, ginsession.ErrUnavailable), name == "signed")
		check(t, name+": Key", s.Key(), "")
		if used := after.TotalAlloc - before.TotalAlloc; used > test.most {
			t.Errorf("%s: reading it allocated %d bytes, want at most %d", name, used, test.most)
		}
		if name == "signed" {
			continue
		}
		v := w.visitor(t)
		v.setKey(test.value)
		check(t, name+": keys", keysOf(v), []string{})
		v.post(func(s *ginsession.Session) { s.Set("b", 1) })
		check(t, name+": keys after a write", keysOf(v), []string{"b"})
	}
}

// Only what was signed with a known secret, for this purpose, and is not too old is a session.
func TestSignedCookieIsVerified(t *testing.T) {
	const secret = testSecret
	sign := func(secret, salt string, age time.Duration) string {
		return string(cookieSigner(t, secret, salt).AppendDumps(nil, []byte(`{"a":1}`), start.Add(-age)))
	}
	good := sign(secret, djangosCookieSalt, 0)
	const twoWeeks = 14 * 24 * time.Hour
	type verification struct {
		value  string
		change func(*ginsession.Config)
		read   bool
	}
	tests := map[string]verification{
		"good":                 {good, nil, true},
		"Django's":             {"eyJhIjoxfQ:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4", func(cfg *ginsession.Config) { cfg.CookieAge = 10 * 365 * 24 * time.Hour }, true},
		"a fallback's":         {good, func(cfg *ginsession.Config) { cfg.SecretKey, cfg.SecretKeyFallbacks = "new", []string{secret} }, true},
		"a retired key's":      {good, func(cfg *ginsession.Config) { cfg.SecretKey, cfg.SecretKeyFallbacks = "new", []string{"other"} }, false},
		"the records' salt":    {sign(secret, "django.contrib.sessions.SessionStore", 0), nil, false},
		"another purpose":      {sign(secret, "newsletter", 0), nil, false},
		"the Salt that is set": {sign(secret, "shop", 0), func(cfg *ginsession.Config) { cfg.Salt = "shop" }, true},
		"not the Salt set":     {good, func(cfg *ginsession.Config) { cfg.Salt = "shop" }, false},
		"young enough":         {sign(secret, djangosCookieSalt, twoWeeks-time.Second), nil, true},
		"too old":              {sign(secret, djangosCookieSalt, twoWeeks), nil, false},
		"too old for the age":  {sign(secret, djangosCookieSalt, time.Hour), func(cfg *ginsession.Config) { cfg.CookieAge = time.Hour }, false},
		"no signature":         {"eyJhIjoxfQ", nil, false},
		"plain JSON":           {`{"a":1}`, nil, false},
		"not JSON":             {string(cookieSigner(t, secret, djangosCookieSalt).AppendDumps(nil, []byte(`[1]`), start)), nil, false},
		"very long":            {strings.Repeat("a", 9000), nil, false},
	}
	for i := range good {
		tampered := []byte(good)
		tampered[i] ^= 1
		tests[fmt.Sprintf("byte %d changed", i)] = verification{string(tampered), nil, false}
		tests[fmt.Sprintf("cut at %d", i+1)] = verification{good[:i+1], nil, i+1 == len(good)}
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		test := tests[name]
		change := test.change
		if change == nil {
			change = func(*ginsession.Config) {}
		}
		d := newDesk(t, withSecret, cookies, change)
		s := d.session(t, test.value)
		check(t, name+": Has", s.Has("a"), test.read)
		check(t, name+": Err", s.Err(), error(nil))
		check(t, name+": Key", s.Key() == test.value, test.read)
		if log := d.log.String(); len(test.value) > 15 && strings.Contains(log, test.value) || strings.Contains(log, secret) {
			t.Errorf("%s: the log shows the cookie or the secret: %s", name, log)
		}
	}
}

// What a fallback has verified is signed with the current key.
func TestSignedCookieRotation(t *testing.T) {
	old := newDesk(t, withSecret, cookies)
	s := old.session(t, "")
	s.Set("a", 1)
	save(t, s)
	rotated := newDesk(t, cookies, func(cfg *ginsession.Config) {
		cfg.SecretKey, cfg.SecretKeyFallbacks = "new", []string{testSecret}
	})
	again := rotated.session(t, s.Key())
	again.Set("b", 2)
	save(t, again)
	check(t, "Items with the new key alone", newDesk(t, cookies, func(cfg *ginsession.Config) { cfg.SecretKey = "new" }).
		session(t, again.Key()).Items(), map[string]any{"a": int64(1), "b": int64(2)})
	check(t, "the new cookie with the old key", old.session(t, again.Key()).Key(), "")
}

// A session's own expiry counts from when it was signed, whether it is shorter than CookieAge or
// longer.
func TestSignedCookieExpiry(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		expiry ginsession.Expiry
		ends   time.Duration
	}{
		"the default":     {ginsession.ExpireDefault, 14 * day},
		"shorter":         {ginsession.ExpireAfter(time.Hour), time.Hour},
		"longer":          {ginsession.ExpireAfter(100 * day), 100 * day},
		"a date before":   {ginsession.ExpireAt(start.Add(2 * day)), 2 * day},
		"a date after":    {ginsession.ExpireAt(start.Add(50 * day)), 50 * day},
		"a date in 2999":  {ginsession.ExpireAt(start.AddDate(973, 0, 0)), 200 * 365 * day},
		"browser's close": {ginsession.ExpireAtBrowserClose, 14 * day},
	} {
		d := newDesk(t, withSecret, cookies)
		s := d.session(t, "")
		s.Set("a", 1)
		s.SetExpiry(test.expiry)
		save(t, s)
		d.clock.Advance(test.ends - time.Second)
		check(t, name+": a second before the end", d.session(t, s.Key()).Get("a"), any(int64(1)))
		d.clock.Advance(time.Second)
		check(t, name+": at the end", d.session(t, s.Key()).Key() != "", name == "a date in 2999")
	}
}

// A cookie is signed again when its session is extended, cycled or marked, and not when it is read.
func TestSignedCookieIsSignedAgain(t *testing.T) {
	nothing := func(*ginsession.Session) {}
	read := func(s *ginsession.Session) { s.Get("a") }
	for name, test := range map[string]struct {
		change func(*ginsession.Config)
		visit  func(*ginsession.Session)
		signed bool
	}{
		"nothing":                {nil, nothing, false},
		"a read":                 {nil, read, false},
		"MarkModified":           {nil, (*ginsession.Session).MarkModified, true},
		"CycleKey":               {nil, func(s *ginsession.Session) { _ = s.CycleKey() }, true},
		"a change inside a list": {nil, func(s *ginsession.Session) { s.Get("list").([]any)[0] = 2 }, true},
		"SaveEveryRequest":       {func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true }, nothing, true},
		"RenewAfter":             {func(cfg *ginsession.Config) { cfg.RenewAfter = time.Minute }, read, true},
		"RenewAfter, too early":  {func(cfg *ginsession.Config) { cfg.RenewAfter = 2 * time.Minute }, read, false},
	} {
		if test.change == nil {
			test.change = func(*ginsession.Config) {}
		}
		w := newCookieSite(t, test.change)
		v := w.visitor(t)
		v.post(func(s *ginsession.Session) { s.Update(map[string]any{"a": 1, "list": []int{1}}) })
		key := v.key()
		w.clock.Advance(time.Minute)
		r := v.get(test.visit)
		check(t, name+": Set-Cookie", r.cookie() != nil, test.signed)
		check(t, name+": the cookie is another", v.key() != key, test.signed)
		w.clock.Advance(14*24*time.Hour - time.Minute) // the end of what was not signed again
		check(t, name+": alive", w.session(t, v.key()).Has("a"), test.signed)
	}
}

func TestSignedCookieMaxLifetime(t *testing.T) {
	w := newCookieSite(t, func(cfg *ginsession.Config) { cfg.MaxLifetime, cfg.SaveEveryRequest = time.Hour, true })
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	for range 59 {
		w.clock.Advance(time.Minute)
		v.get(func(s *ginsession.Session) { check(t, "Get", s.Get("a"), any(int64(1))) })
	}
	w.clock.Advance(time.Minute)
	check(t, "keys at the end of the lifetime", keysOf(v), []string{})
}

// Key is the value of the cookie: "" until the session is saved, and another one whenever it is.
func TestSignedCookieKey(t *testing.T) {
	d := newDesk(t, withSecret, cookies)
	s := d.session(t, "")
	s.Set("a", 1)
	check(t, "Key before Save", s.Key(), "")
	save(t, s)
	first := s.Key()
	check(t, "Items by Key", d.session(t, first).Items(), map[string]any{"a": int64(1)})
	if err := s.CycleKey(); err != nil {
		t.Fatal(err)
	}
	check(t, "Key after CycleKey", s.Key(), first)
	d.clock.Advance(time.Second)
	save(t, s)
	check(t, "Key after CycleKey and Save is new", s.Key() != first, true)
	check(t, "Items after CycleKey", d.session(t, s.Key()).Items(), map[string]any{"a": int64(1)})
	check(t, "Cookie", d.Cookie(s).Value, s.Key())
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	check(t, "Key after Flush", s.Key(), "")
	if c := d.Cookie(s); c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("the cookie after Flush is %v, want its deletion", c)
	}
}

func TestSignedCookieGoroutines(t *testing.T) {
	w := newCookieSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) {
		inParallel(16, func(i int) {
			s.Set(fmt.Sprint("key", i), i)
			s.Get("key0")
			_ = s.Save()
		})
	})
	check(t, "keys", len(keysOf(v)), 16)
}

func TestSignedCookiesNeedASecret(t *testing.T) {
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.SignedCookies()})
	if !errors.Is(err, ginsession.ErrConfig) {
		t.Fatalf("NewManager: %v, want ErrConfig", err)
	}
	checkContains(t, err.Error(), "SecretKey", "SignedCookies")
}
