package ginsession_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/internal/testsite"
	"github.com/ginsession/ginsession/signing"
)

// What stands here as a literal was written by Django 4.2 at djangoNow. The module e2e runs a
// real one.

const djangoSecret = "ginsession-test-secret"

var djangoNow = time.Unix(1_700_000_000, 0)

// djangoKey is a key that Django has made.
const djangoKey = "0qtcrsbbpz5vckp9mhhfwytmhv4hzq2b"

// A djangoTable is a manager of ForDjango on a table as Django makes it in SQLite.
type djangoTable struct {
	*ginsession.Manager
	db  *gorm.DB
	log *testsite.Log
	now time.Time
}

func newDjangoTable(t *testing.T, o ginsession.DjangoOptions, changes ...func(*ginsession.Config)) *djangoTable {
	t.Helper()
	d := &djangoTable{db: openSQLite(t), log: &testsite.Log{}, now: djangoNow}
	for _, statement := range []string{
		`CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)`,
		`CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")`,
	} {
		if err := d.db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	if o.SecretKey == "" {
		o.SecretKey = djangoSecret
	}
	cfg := ginsession.ForDjango(d.db, o)
	cfg.Clock = func() time.Time { return d.now }
	cfg.Logger = slog.New(slog.NewTextHandler(d.log, nil))
	for _, change := range changes {
		change(&cfg)
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Manager = m
	return d
}

// put stores a row that ends in an hour.
func (d *djangoTable) put(t *testing.T, data string) {
	t.Helper()
	err := d.db.Exec("INSERT INTO django_session VALUES (?, ?, ?)", djangoKey, data, "2023-11-14 23:13:20.5").Error
	if err != nil {
		t.Fatal(err)
	}
}

// row returns a row's data and expire_date, as they are spelled.
func (d *djangoTable) row(t *testing.T, key string) (data, expires string) {
	t.Helper()
	err := d.db.Raw("SELECT session_data, CAST(expire_date AS TEXT) FROM django_session WHERE session_key = ?", key).Row().Scan(&data, &expires)
	if err != nil {
		t.Fatal(err)
	}
	return data, expires
}

// visit sends a request with a session cookie.
func (d *djangoTable) visit(t *testing.T, method, key string, handler func(*ginsession.Session)) *httptest.ResponseRecorder {
	t.Helper()
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(d.Handler())
	r.Handle(method, "/", func(c *gin.Context) { handler(ginsession.Get(c)) })
	request := httptest.NewRequest(method, "/", nil)
	if key != "" {
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	}
	response := httptest.NewRecorder()
	r.ServeHTTP(response, request)
	return response
}

func TestForDjangoReads(t *testing.T) {
	noon := time.Date(2023, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name    string
		options ginsession.DjangoOptions
		data    string
		want    map[string]any
		expires time.Time
	}{
		{
			name: "text",
			data: ".eJyrVipVslLKiCk1MEi1jClNsTBOAZKpBgZKOkpAQRPjRDCZBCJNUsGkOVBDTKmRgZEFSJeBQYxSTIy-Ui0AKTwU5w:1r31eq:hH41VW2Km6n885ZI3y1cxVxNlXVAoNkYF7nljBPoO8M",
			want: map[string]any{"u": "hé😀", "ключ": "\u2028\x00\"\\/"},
		},
		{
			name: "numbers",
			data: ".eJyrVkrKTFeysjQwMDe0tDQyNTE3MbC0NNYBCaenFilZGRoZm5iamVtYGmBj6Sil5eQnlgCV6QHZqUA6VdvISEcpLxVoqK4BSDAzDyhtYlQLAFs4GbU:1r31eq:VqQcpsmrSDCkNh9hSBI-nkwHET8-kJ5P9THXNLbXuR4",
			want: map[string]any{
				"big": int64(9007199254740993), "bigger": json.Number("123456789012345678901234567890"),
				"float": 1.0, "e": 1e22, "neg": math.Copysign(0, -1), "int": int64(42),
			},
		},
		{
			name: "nested",
			data: "eyJjYXJ0Ijp7Iml0ZW1zIjpbeyJza3UiOiJhIiwibiI6Mn0sW10sbnVsbCx0cnVlXX0sImVtcHR5Ijp7fX0:1r31eq:vfKP2KS8vjy8AYeu8sGie88vDop0uKRx7x2MhYuhFcI",
			want: map[string]any{
				"cart":  map[string]any{"items": []any{map[string]any{"sku": "a", "n": int64(2)}, []any{}, nil, true}},
				"empty": map[string]any{},
			},
		},
		{
			name: "compressed",
			data: ".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8",
			want: map[string]any{"k": strings.Repeat("x", 200)},
		},
		{
			name: "integer expiry",
			data: "eyJfc2Vzc2lvbl9leHBpcnkiOjMwMH0:1r31eq:aL3GCJBqmTXb14Q3TQcej7sCFdUn_wRFRMRaBfBLgPc",
			want: map[string]any{"_session_expiry": int64(300)}, expires: djangoNow.Add(300 * time.Second),
		},
		{
			name: "date",
			data: "eyJfc2Vzc2lvbl9leHBpcnkiOiIyMDIzLTExLTIwVDEyOjAwOjAwKzAwOjAwIn0:1r31eq:mGKapu0snFOVSL-zw83Zj2KClGfoYfV7nRj8rNHJEaM",
			want: map[string]any{"_session_expiry": "2023-11-20T12:00:00+00:00"}, expires: noon,
		},
		{
			name: "date in another zone",
			data: "eyJfc2Vzc2lvbl9leHBpcnkiOiIyMDIzLTExLTIwVDEyOjAwOjAwLjEyMzQ1NiswMjowMCJ9:1r31eq:Vhta3HCyqbNactyRYAMWvBmbryhEVGlpGyuibr7mTdY",
			want: map[string]any{"_session_expiry": "2023-11-20T12:00:00.123456+02:00"}, expires: noon.Add(-2*time.Hour + 123456*time.Microsecond),
		},
		{
			name:    "local date",
			options: ginsession.DjangoOptions{Location: newYork(t)},
			data:    "eyJfc2Vzc2lvbl9leHBpcnkiOiIyMDIzLTExLTIwVDEyOjAwOjAwLjAwMDAwNSJ9:1r31eq:Pna8RYeTVFkPLNE-ztQxEX0dKpAXcWs9S1lnIDa-esI",
			want:    map[string]any{"_session_expiry": "2023-11-20T12:00:00.000005"}, expires: noon.Add(5*time.Hour + 5*time.Microsecond),
		},
		{
			name:    "retired secret",
			options: ginsession.DjangoOptions{SecretKey: "new", Fallbacks: []string{"newer", djangoSecret}},
			data:    "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo",
			want:    map[string]any{"a": int64(1)},
		},
		{
			name:    "class ShopStore",
			options: ginsession.DjangoOptions{Salt: "django.contrib.sessions.ShopStore"},
			data:    "eyJhIjoxfQ:1r31eq:nQlrizST2bz23c6huVYbys93o5OBROfqpe25xEylTuI",
			want:    map[string]any{"a": int64(1)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDjangoTable(t, test.options)
			d.log.Clear()
			d.put(t, test.data)
			s := d.Open(t.Context(), djangoKey)
			if got := s.Items(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("read %#v, want %#v", got, test.want)
			}
			if got := s.ExpiryDate(); !test.expires.IsZero() && !got.Equal(test.expires) {
				t.Errorf("ends at %v, want %v", got, test.expires)
			}
			check(t, "log", d.log.String(), "")
		})
	}
}

func newYork(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// TestForDjangoWrites compares the row and the cookie with what Django writes.
func TestForDjangoWrites(t *testing.T) {
	for _, test := range []struct {
		name          string
		options       ginsession.DjangoOptions
		set           func(*ginsession.Session)
		data, expires string
	}{
		{
			name: "time zones on",
			set:  func(s *ginsession.Session) { s.Set("a", 1) },
			data: "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo", expires: "2023-11-28 22:13:20",
		},
		{
			name: "time zones off", options: ginsession.DjangoOptions{Location: newYork(t)},
			set:  func(s *ginsession.Session) { s.Set("a", 1) },
			data: "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo", expires: "2023-11-28 17:13:20",
		},
		{
			name: "text",
			set:  func(s *ginsession.Session) { s.Set("u", "hé😀") },
			data: "eyJ1IjoiaFx1MDBlOVx1ZDgzZFx1ZGUwMCJ9:1r31eq:EjYsyjEFkOSutWO29QQWMCBYB2kZpE5dPPhkChwzBW0", expires: "2023-11-28 22:13:20",
		},
		{
			name: "integer expiry", set: func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(5 * time.Minute)) },
			data: "eyJfc2Vzc2lvbl9leHBpcnkiOjMwMH0:1r31eq:aL3GCJBqmTXb14Q3TQcej7sCFdUn_wRFRMRaBfBLgPc", expires: "2023-11-14 22:18:20",
		},
		{
			name: "browser close", set: func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAtBrowserClose) },
			data: "eyJfc2Vzc2lvbl9leHBpcnkiOjB9:1r31eq:TFj-v17piWtnEcXDlj5J5fvlHj0wEmUXB4dNOZIzxX4", expires: "2023-11-28 22:13:20",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDjangoTable(t, test.options)
			key := ""
			response := d.visit(t, http.MethodPost, "", func(s *ginsession.Session) {
				test.set(s)
				if err := s.Save(); err != nil {
					t.Error(err)
				}
				key = s.Key()
			})
			data, expires := d.row(t, key) // the key as it is, not its digest
			check(t, "session_data", data, test.data)
			check(t, "expire_date", expires, test.expires)
			checkContains(t, response.Header().Get("Set-Cookie"), "sessionid="+key+"; Path=/; ", "HttpOnly; SameSite=Lax")
		})
	}
}

// TestForDjangoExpiryText looks at how a date is kept in the record.
func TestForDjangoExpiryText(t *testing.T) {
	date := time.Date(2023, 11, 20, 12, 0, 0, 123456789, time.UTC)
	for _, test := range []struct {
		name    string
		options ginsession.DjangoOptions
		at      time.Time
		want    any
	}{
		{"time zones on", ginsession.DjangoOptions{}, date, "2023-11-20T12:00:00.123456+00:00"},
		{"six digits", ginsession.DjangoOptions{}, date.Truncate(time.Minute).In(newYork(t)), "2023-11-20T12:00:00.000000+00:00"},
		{"time zones off", ginsession.DjangoOptions{Location: newYork(t)}, date, "2023-11-20T07:00:00.123456"},
		{"before 4.1", ginsession.DjangoOptions{Before41: true}, djangoNow.Add(90*time.Second + 1), int64(90)},
		{"before 4.1, less than a second", ginsession.DjangoOptions{Before41: true}, djangoNow.Add(time.Millisecond), int64(1)},
		{"before 4.1, past", ginsession.DjangoOptions{Before41: true}, djangoNow.Add(-time.Hour), int64(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newDjangoTable(t, test.options).Open(t.Context(), "")
			s.SetExpiry(ginsession.ExpireAt(test.at))
			check(t, "_session_expiry", s.Get("_session_expiry"), test.want)
		})
	}
}

// TestForDjangoRefuses reads rows that no Django of this secret has written.
func TestForDjangoRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"another secret":   signedFor(t, "another secret", `{"a":"sesame"}`),
		"forged":           "eyJhIjoic2VzYW1lIn0:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4",
		"before 3.1":       "YWIzM2UxNTdlNjRmZmI3Mzg5ZWJiYTkyY2NmZDBkYTVhZTE3NDcwODp7ImEiOiJzZXNhbWUifQ==",
		"pickle":           "gAWVEQAAAAAAAAB9lIwBYZSMBnNlc2FtZZRzLg:1r31eq:nwWL-3gYrYbHKUgrV_fd8Fpv-LH9S_9LYIPVTXUNOqQ",
		"no object":        signedFor(t, djangoSecret, `["sesame"]`),
		"cut off":          signedFor(t, djangoSecret, `{"a":"sesame"`),
		"nothing":          "",
		"text":             "sesame",
		"signature only":   ":1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo",
		"nested too deep":  signedFor(t, djangoSecret, `{"a":`+strings.Repeat("[", 100_000)+`"sesame"`+strings.Repeat("]", 100_000)+`}`),
		"unsigned":         `{"a":"sesame"}`,
		"signed, no JSON":  signedFor(t, djangoSecret, "sesame"),
		"signed and empty": signedFor(t, djangoSecret, ""),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDjangoTable(t, ginsession.DjangoOptions{})
			d.put(t, data)
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				logged := len(d.log.String())
				newKey := ""
				response := d.visit(t, method, djangoKey, func(s *ginsession.Session) {
					if !s.IsEmpty() || s.Key() != "" || s.Err() != nil {
						t.Errorf("read %v, error %v", s.Items(), s.Err())
					}
					if method == http.MethodPost {
						s.Set("b", 2)
						if err := s.Save(); err != nil {
							t.Error(err)
						}
						newKey = s.Key()
					}
				})
				check(t, "status", response.Code, http.StatusOK)
				if newKey == djangoKey || strings.Contains(response.Header().Get("Set-Cookie"), djangoKey) {
					t.Error("the key was adopted")
				}
				if got, _ := d.row(t, djangoKey); got != data {
					t.Errorf("the row was changed to %q", got)
				}
				log := d.log.String()[logged:]
				if strings.Count(log, "level=WARN") != 1 || strings.Count(log, "\n") != 1 {
					t.Errorf("logged %q, want one warning", log)
				}
				for _, secret := range []string{"sesame", djangoKey, djangoSecret, "c2VzYW1l"} {
					if strings.Contains(log, secret) {
						t.Errorf("logged %q", log)
					}
				}
			}
		})
	}
}

// signedFor returns text as Django would have signed it.
func signedFor(t *testing.T, secret, text string) string {
	t.Helper()
	signer, err := signing.NewTimestampSigner(signing.Config{
		SecretKey: secret, Salt: "django.contrib.sessions.SessionStore", Compress: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return signer.Dumps([]byte(text), djangoNow)
}

// TestForDjangoUnreadableValues changes a session that holds values which only Python has.
func TestForDjangoUnreadableValues(t *testing.T) {
	const before = `{"nan":NaN,"inf":[-Infinity],"lone":"\ud800","a":1,"\udc00k":2,"\ud800k":3,"\u0061b":4, "c" : 1.0 }`
	const after = `{"nan":NaN,"inf":[-Infinity],"lone":"\ud800","a":5,"\udc00k":2,"\ud800k":3,"\u0061b":4,"c":1.0}`
	d := newDjangoTable(t, ginsession.DjangoOptions{})
	d.log.Clear()
	d.put(t, signedFor(t, djangoSecret, before))
	d.visit(t, http.MethodPost, djangoKey, func(s *ginsession.Session) {
		for _, key := range []string{"nan", "inf", "lone"} {
			if v, ok := s.Lookup(key); ok || !s.Has(key) {
				t.Errorf("%s: %v, %v", key, v, ok)
			}
		}
		if _, ok := ginsession.Value[float64](s, "nan"); ok {
			t.Error("nan is a float64")
		}
		check(t, "ab", s.Get("ab"), int64(4))
		s.Set("a", 5)
	})
	data, _ := d.row(t, djangoKey)
	check(t, "record", unsigned(t, data), after)
	check(t, "log", d.log.String(), "")
}

func unsigned(t *testing.T, data string) string {
	t.Helper()
	signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: djangoSecret, Salt: "django.contrib.sessions.SessionStore"})
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := signer.Loads(data, djangoNow, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestForDjangoBomb reads a genuine record that inflates to far more than it takes.
func TestForDjangoBomb(t *testing.T) {
	for _, size := range []int{2 << 20, 64 << 20} {
		d := newDjangoTable(t, ginsession.DjangoOptions{})
		data := bomb(t, size)
		d.put(t, data)
		s := d.Open(t.Context(), djangoKey)

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.Load()
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ginsession.ErrUnavailable) {
			t.Errorf("%d bytes: error %v", size, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
			t.Errorf("%d bytes: %d were allocated", size, used)
		}

		response := d.visit(t, http.MethodPost, djangoKey, func(s *ginsession.Session) { s.Set("b", 1) })
		check(t, "status", response.Code, http.StatusServiceUnavailable)
		check(t, "Set-Cookie", response.Header().Get("Set-Cookie"), "")
		if got, _ := d.row(t, djangoKey); got != data {
			t.Error("the row was changed")
		}
	}
}

// bomb is a record with a value of so many zeros.
func bomb(t *testing.T, size int) string {
	t.Helper()
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := io.WriteString(w, `{"a":"`+strings.Repeat("0", size)+`"}`); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	signer, err := signing.NewSigner(signing.Config{SecretKey: djangoSecret, Salt: "django.contrib.sessions.SessionStore"})
	if err != nil {
		t.Fatal(err)
	}
	return signer.Sign("." + base64.RawURLEncoding.EncodeToString(packed.Bytes()) + ":1r31eq")
}

// TestForDjangoDates stores a date in each kind of column, where it must compare as Django's do.
func TestForDjangoDates(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		cfg := ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: djangoSecret, Location: newYork(t)})
		cfg.Engine = ginsession.DB(db, ginsession.TableName(table))
		clock := testsite.NewClock()
		cfg.Clock = clock.Now
		m, err := ginsession.NewManager(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s := m.Open(t.Context(), "")
		s.Set("a", 1)
		s.SetExpiry(ginsession.ExpireAfter(time.Hour))
		save(t, s)

		var got string
		query := map[string]string{
			"sqlite":   "SELECT CAST(expire_date AS TEXT) FROM " + table,
			"mysql":    "SELECT CAST(expire_date AS CHAR) FROM " + table,
			"postgres": "SELECT (expire_date AT TIME ZONE 'America/New_York')::text FROM " + table,
		}[db.Name()]
		if err := db.Raw(query).Row().Scan(&got); err != nil {
			t.Fatal(err)
		}
		check(t, "expire_date", strings.TrimSuffix(got, ".000000"), start.Add(time.Hour).In(newYork(t)).Format("2006-01-02 15:04:05"))

		clock.Advance(time.Hour - time.Second)
		if live, err := m.Exists(t.Context(), s.Key()); !live || err != nil {
			t.Errorf("a second before its end: %v, %v", live, err)
		}
		clock.Advance(time.Second)
		if live, err := m.Exists(t.Context(), s.Key()); live || err != nil {
			t.Errorf("at its end: %v, %v", live, err)
		}
	})
}

// TestForDjangoFile shares a folder instead of the table.
func TestForDjangoFile(t *testing.T) {
	dir := t.TempDir()
	cfg := ginsession.ForDjango(nil, ginsession.DjangoOptions{SecretKey: djangoSecret})
	cfg.Engine = ginsession.File(dir)
	cfg.Clock = func() time.Time { return djangoNow }
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open(t.Context(), "")
	s.Set("a", 1)
	save(t, s)
	file := filepath.Join(dir, "sessionid"+s.Key())
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "file", string(data), "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo")
}

// TestForDjangoSignedCookies shares cookies, which have a salt of their own.
func TestForDjangoSignedCookies(t *testing.T) {
	cfg := ginsession.ForDjango(nil, ginsession.DjangoOptions{SecretKey: djangoSecret})
	cfg.Engine = ginsession.SignedCookies()
	cfg.Clock = func() time.Time { return djangoNow }
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const cookie = "eyJhIjoxfQ:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4"
	s := m.Open(t.Context(), "")
	s.Set("a", 1)
	save(t, s)
	check(t, "cookie", s.Key(), cookie)
	check(t, "a", m.Open(t.Context(), cookie).Get("a"), int64(1))
}

// TestForDjangoConfig refuses what would keep the programs from seeing each other's sessions.
func TestForDjangoConfig(t *testing.T) {
	db := openSQLite(t)
	for _, test := range []struct {
		field  string
		change func(*ginsession.Config)
	}{
		{"SecretKey", func(c *ginsession.Config) { c.SecretKey = "" }},
		{"SecretKeyFallbacks", func(c *ginsession.Config) { c.SecretKeyFallbacks = []string{""} }},
		{"HashKeys", func(c *ginsession.Config) { c.HashKeys = ginsession.On }},
		{"HashKeys", func(c *ginsession.Config) {
			c.HashKeys, c.Engine = ginsession.On, ginsession.SignedCookies()
		}},
		{"Serializer", func(c *ginsession.Config) { c.Serializer = ginsession.Gob }},
		{"Engine", func(c *ginsession.Config) { c.Engine = ginsession.Cached(memory.New()) }},
		{"Engine", func(c *ginsession.Config) {
			c.Engine = ginsession.CachedDB(db, memory.New(), ginsession.TableName("django_session"))
		}},
	} {
		cfg := ginsession.ForDjango(db, ginsession.DjangoOptions{SecretKey: djangoSecret})
		test.change(&cfg)
		_, err := ginsession.NewManager(cfg)
		if !errors.Is(err, ginsession.ErrConfig) || !strings.Contains(err.Error(), test.field+": ") {
			t.Errorf("%s: error %v", test.field, err)
		}
	}
}
