package ginsession_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/signing"
)

func securityJSON(t *testing.T) {
	site := newWebSite(t, webSetup{})
	v := site.visitor()
	v.get("/w/set?v=%F0%9F%98%80")
	if got := site.record(); got != `{"v":"\ud83d\ude00"}` {
		t.Errorf("the record is %s", got)
	}
	// What other frameworks would bring to life is text here: a pickle, a gob, a PHP object.
	for _, data := range []string{
		"cos\nsystem\n(S'id'\ntR.", "\x0f\xff\x81\x03\x01\x01\x05boxed\x01\xff\x82\x00", `O:8:"stdClass":0:{}`,
		base64.StdEncoding.EncodeToString([]byte("cos\nsystem\n(S'id'\ntR.")),
	} {
		for key := range site.store.records {
			site.store.put(key, data)
		}
		if got := v.get("/w/get").Text; got != "v=" {
			t.Errorf("%q reads %q", data, got)
		}
	}
}

func securityOtherPurpose(t *testing.T) {
	const secret = "the same secret"
	const cookieSalt, recordSalt = "django.contrib.sessions.backends.signed_cookies", "django.contrib.sessions.SessionStore"
	for _, tt := range []struct {
		salt  string
		reads string
	}{
		{cookieSalt, "user=ann"},
		{recordSalt, "user="},
		{"newsletter", "user="},
		{"", "user="},
		{"django.core.signing", "user="},
	} {
		signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: secret, Salt: tt.salt})
		if err != nil {
			t.Fatal(err)
		}
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secret}})
		value := signer.Dumps([]byte(`{"user":"ann"}`), site.clock.Now())
		if got := site.as("sessionid=" + value).get("/w/user").Text; got != tt.reads {
			t.Errorf("salt %q: %q, want %q", tt.salt, got, tt.reads)
		}
	}
}

func securityRotation(t *testing.T) {
	const retired, current = "the retired secret", "the current secret"
	setups := map[string]func(secret string, fallbacks ...string) webSetup{}
	db := migrated(t)
	for name, engine := range map[string]ginsession.Engine{"signed_cookies": ginsession.SignedCookies(), "db": ginsession.DB(db)} {
		setups[name] = func(secret string, fallbacks ...string) webSetup {
			return webSetup{Config: ginsession.Config{Engine: engine, SecretKey: secret, SecretKeyFallbacks: fallbacks}}
		}
	}
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			v := newWebSite(t, setup(retired)).visitor()
			v.get("/w/set?v=1")
			cookie := "sessionid=" + v.key()

			site := newWebSite(t, setup(current))
			if got := site.as(cookie).get("/w/get").Text; got != "v=" {
				t.Errorf("the retired secret opens %q", got)
			}
			if !strings.Contains(site.log.String(), "level=WARN") {
				t.Errorf("logged %q", site.log)
			}
			rotating := newWebSite(t, setup(current, "another", retired))
			if got := rotating.as(cookie).get("/w/get").Text; got != "v=1" {
				t.Errorf("a fallback opens %q", got)
			}
			c := rotating.as(cookie).get("/w/set?v=2").cookie(t)
			if got := newWebSite(t, setup(current)).as("sessionid=" + c.Value).get("/w/get").Text; got != "v=2" {
				t.Errorf("what the rotating site signed: %q", got)
			}
			if got := newWebSite(t, setup(retired)).as("sessionid=" + c.Value).get("/w/get").Text; got != "v=" {
				t.Errorf("the retired secret opens what the current one signed: %q", got)
			}
		})
	}
}

func securityBombs(t *testing.T) {
	const secret = "secret"
	bomb := func(salt string) string {
		s, err := signing.NewTimestampSigner(signing.Config{SecretKey: secret, Salt: salt})
		if err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w, err := zlib.NewWriterLevel(&z, zlib.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(`{"v":"` + strings.Repeat("0", 3_000_000) + `"}`))
		_ = w.Close()
		return s.Sign("."+base64.RawURLEncoding.EncodeToString(z.Bytes()), start)
	}
	t.Run("in a cookie", func(t *testing.T) {
		value := bomb("django.contrib.sessions.backends.signed_cookies")
		if len("sessionid")+len(value) > 4096 {
			t.Fatalf("the bomb has %d bytes, too many for a cookie", len(value))
		}
		unsigned := value[:len(value)-1] + "A"
		if unsigned == value {
			unsigned = value[:len(value)-1] + "B"
		}
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secret}})
		for name, tt := range map[string]struct {
			value  string
			status int
			most   uint64
		}{
			"signed":   {value, http.StatusServiceUnavailable, 6 << 20}, // a buffer that is doubled up to the limit of 1 MiB
			"unsigned": {unsigned, http.StatusOK, 256 << 10},
		} {
			const requests = 8
			before := allocated()
			for range requests {
				reply := visit(site.Config.Handler, http.MethodGet, "/w/get", "sessionid="+tt.value)
				if reply.StatusCode != tt.status || tt.status == http.StatusOK && reply.Text != "v=" || reply.cookie(t) != nil {
					t.Errorf("%s: %d %.20q, cookie %v", name, reply.StatusCode, reply.Text, reply.cookie(t))
				}
			}
			if each := (allocated() - before) / requests; each > tt.most {
				t.Errorf("%s: %d bytes were allocated for a request", name, each)
			}
		}
	})
	t.Run("in the store", func(t *testing.T) {
		site := newWebSite(t, webSetup{Config: ginsession.Config{SecretKey: secret}})
		v := site.visitor()
		v.get("/w/set?v=1")
		data := bomb("django.contrib.sessions.SessionStore")
		for _, key := range site.store.keys() {
			site.store.put(key, data)
		}
		reply := v.get("/w/get")
		if reply.StatusCode != http.StatusServiceUnavailable || reply.cookie(t) != nil {
			t.Errorf("answer %d, cookie %v", reply.StatusCode, reply.cookie(t))
		}
		if site.record() != data {
			t.Error("the record was changed")
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func securityTornRecord(t *testing.T) {
	for name, secret := range map[string]string{"unsigned": "", "signed": "secret"} {
		t.Run(name, func(t *testing.T) {
			store, book := newSpyStore(), &logBook{}
			r := newWebRouter()
			r.Use(ginsession.New(ginsession.Config{
				Engine: ginsession.Custom(store), SecretKey: secret, Clock: newHandClock().Now,
				Logger: slog.New(slog.NewTextHandler(book, nil)),
			}))
			addWebPages(r)
			r.GET("/all", func(c *gin.Context) {
				s := ginsession.Get(c)
				c.String(http.StatusOK, "%v %v %v", s.Items(), s.ExpiryAge(), s.Key() != "")
			})
			cookie := "sessionid=" + visit(r, http.MethodGet, "/w/set?v=value").cookie(t).Value
			key := store.keys()[0]
			whole := store.text(key)
			for i := range len(whole) {
				store.put(key, whole[:i])
				if reply := visit(r, http.MethodGet, "/all", cookie); reply.StatusCode != http.StatusOK || reply.Text != "map[] 336h0m0s false" {
					t.Errorf("cut at %d: %d %q", i, reply.StatusCode, reply.Text)
				}
				for bit := range 8 {
					flipped := []byte(whole)
					flipped[i] ^= 1 << bit
					store.put(key, string(flipped))
					reply := visit(r, http.MethodGet, "/all", cookie)
					if reply.StatusCode != http.StatusOK || secret != "" && reply.Text != "map[] 336h0m0s false" {
						t.Errorf("bit %d of %d flipped: %d %q", bit, i, reply.StatusCode, reply.Text)
					}
				}
			}
			if n := strings.Count(book.String(), "level=WARN"); n < len(whole) {
				t.Errorf("%d warnings, want one for each cut at least", n)
			}
			store.put(key, whole[:len(whole)-1])
			c := visit(r, http.MethodPost, "/w/set?v=new", cookie).cookie(t)
			if c == nil || "sessionid="+c.Value == cookie || store.text(key) != whole[:len(whole)-1] {
				t.Errorf("a write sets %v and leaves %q", c, store.text(key))
			}
		})
	}
}
