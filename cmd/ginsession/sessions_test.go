package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

var (
	longAgo = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	farAway = time.Date(2101, 2, 3, 4, 5, 6, 0, time.UTC)
)

func TestMigrate(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		if err := tt.db.Migrator().DropTable(tt.name); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			ginsessionCommand(t, nil, "", tt.args("migrate")...).want(t, 0, "The table "+tt.name+" is ready.\n", "")
		}
		save(t, tt.manager(t), "n", 1)
	})
}

func TestMigrateMakesTheFile(t *testing.T) {
	dsn := []string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "new.db")}
	ginsessionCommand(t, dsn, "", "migrate").want(t, 0, "The table gin_session is ready.\n", "")
	ginsessionCommand(t, dsn, "", "stats").wantSuccess(t)
}

// Django with USE_TZ off stores local time if the database's dates have no zone. Read as UTC, a date
// from a zone ahead of UTC would be too late.
func TestTimeZoneOfADjangoSite(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		zone := time.FixedZone("Asia/Tokyo", 9*60*60)
		config := ginsession.ForDjango(tt.db, ginsession.DjangoOptions{SecretKey: "s", Location: zone})
		config.Engine = ginsession.DB(tt.db, ginsession.TableName(tt.name))
		m, err := ginsession.NewManager(config)
		if err != nil {
			t.Fatal(err)
		}
		saveEnding(t, m, 1, time.Now().Add(-time.Hour))
		ginsessionCommand(t, nil, "", tt.args("clearsessions", "--dry-run", "--time-zone=Asia/Tokyo")...).
			want(t, 0, "1 expired session would be removed.\n", "")
		ginsessionCommand(t, nil, "", tt.args("clearsessions", "--time-zone=Asia/Tokyo")...).
			want(t, 0, "1 expired session removed.\n", "")
		saveEnding(t, m, 1, farAway)
		got := ginsessionCommand(t, nil, "", tt.args("stats", "--time-zone=Asia/Tokyo")...)
		if !strings.Contains(got.stdout, "latest expiry    2101-02-03 04:05:06 UTC (in ") {
			t.Errorf("stats:\n%s%s", got.stdout, got.stderr)
		}
		key := save(t, m, "kind", "local")
		got = ginsessionCommand(t, []string{"SECRET_KEY=s"}, "", tt.args("show", "--time-zone=Asia/Tokyo", key)...)
		// Lives are rounded up to a whole second, so that 14 days may not have begun to run down.
		if !regexp.MustCompile(` \(in 1[34] days\)\n{\n  "kind": "local"\n}\n$`).MatchString(got.stdout) {
			t.Errorf("show:\n%s%s", got.stdout, got.stderr)
		}
	})
}

func TestShow(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		s := tt.manager(t).Open(t.Context(), "")
		s.SetExpiry(ginsession.ExpireAt(farAway))
		s.Update(map[string]any{"cart": map[string]int{"ink": 2}, "user": "Zoë 😀\x1b[2J\u009b2J", "n": int64(math.MaxInt64), "\u009b2JÀ": true})
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		argument := ginsessionCommand(t, nil, "", tt.args("show", s.Key())...)
		argument.wantSuccess(t)
		golden(t, "show", regexp.MustCompile(`[0-9]+ days`).ReplaceAllString(argument.stdout, "N days"))
		ginsessionCommand(t, nil, s.Key()+"\n", tt.args("show", "-")...).want(t, 0, argument.stdout, "")

		_, data, _ := strings.Cut(argument.stdout, "\n")
		var decoded map[string]any
		if err := json.Unmarshal([]byte(data), &decoded); err != nil {
			t.Errorf("the data is not JSON: %v", err)
		}
	})
}

func TestShowWithTheSettingsOfTheSite(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	plain := save(t, tt.manager(t), "kind", "plain")
	raw := save(t, tt.manager(t, func(c *ginsession.Config) { c.HashKeys = ginsession.Off }), "kind", "raw")
	signed := save(t, tt.manager(t, func(c *ginsession.Config) { c.SecretKey = "s3cret" }), "kind", "signed")
	salted := save(t, tt.manager(t, func(c *ginsession.Config) { c.SecretKey, c.Salt = "s3cret", "shop" }), "kind", "salted")
	missing := "ginsession: no live session of the table " + tt.name + " has this key"
	const unverified = "ginsession: the session exists, but its record cannot be verified or decoded"

	for _, test := range []struct {
		name      string
		key       string
		variables []string
		flags     string
		stdout    string // found in it
		stderr    string // its first line
	}{
		{"plain", plain, nil, "", `"kind": "plain"`, ""},
		{"plain, as if keys were not hashed", plain, nil, "--hash-keys=off", "", missing},
		{"raw", raw, nil, "--hash-keys=off", `"kind": "raw"`, ""},
		{"raw, as if keys were hashed", raw, nil, "", "", missing},
		{"signed", signed, []string{"SECRET_KEY=s3cret"}, "", `"kind": "signed"`, ""},
		{"signed, another variable", signed, []string{"SHOP_KEY=s3cret"}, "--secret-key-env SHOP_KEY", `"kind": "signed"`, ""},
		{"signed, no secret", signed, nil, "", "", unverified},
		{"signed, wrong secret", signed, []string{"SECRET_KEY=guess"}, "", "", unverified},
		{"signed, rotated", signed, []string{"SECRET_KEY=new-s3cret", "OLD=s3cret"}, "--secret-key-fallback-env=OLD", `"kind": "signed"`, ""},
		{"signed, rotated twice", signed, []string{"SECRET_KEY=new-s3cret", "OLD=other", "OLDER=s3cret"}, "--secret-key-fallback-env=OLD --secret-key-fallback-env=OLDER", `"kind": "signed"`, ""},
		{"signed, rotated, no fallback", signed, []string{"SECRET_KEY=new-s3cret"}, "", "", unverified},
		{"fallback variable that is not set", signed, []string{"SECRET_KEY=new-s3cret"}, "--secret-key-fallback-env=OLD", "", "ginsession: --secret-key-fallback-env, number 1: the environment variable is empty or not set"},
		{"fallback key in place of a name", signed, []string{"SECRET_KEY=new-s3cret"}, "--secret-key-fallback-env=s3cret", "", "ginsession: --secret-key-fallback-env, number 1: the environment variable is empty or not set"},
		{"fallback without the key that signs", signed, []string{"OLD=s3cret"}, "--secret-key-fallback-env=OLD", "", "ginsession: --secret-key-fallback-env needs the key that signs now"},
		{"salted", salted, []string{"SECRET_KEY=s3cret"}, "--salt=shop", `"kind": "salted"`, ""},
		{"salted, no salt", salted, []string{"SECRET_KEY=s3cret"}, "", "", unverified},
		{"plain, with a secret", plain, []string{"SECRET_KEY=s3cret"}, "", "", unverified},
		{"plain, with a secret that is not used", plain, []string{"SECRET_KEY=s3cret"}, "--secret-key-env=", `"kind": "plain"`, ""},
		{"salt without secret", plain, nil, "--salt=shop", "", "ginsession: bad configuration: Salt: has no effect without SecretKey: set that or remove this"},
		{"unknown", strings.Repeat("k", 32), nil, "", "", missing},
		{"no key at all", "../../etc/passwd", nil, "", "", missing},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append(tt.args("show", test.key), strings.Fields(test.flags)...)
			got := ginsessionCommand(t, test.variables, "", args...)
			line, _, _ := strings.Cut(got.stderr, "\n")
			if !strings.Contains(got.stdout, test.stdout) || line != test.stderr || (got.status == 0) != (test.stderr == "") {
				t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
			}
			if strings.Contains(got.stderr, test.key) || strings.Contains(got.stderr, "s3cret") {
				t.Errorf("stderr shows a key or a secret:\n%s", got.stderr)
			}
		})
	}
}

func TestShowFindsNoExpiredSession(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	s := tt.manager(t).Open(t.Context(), "")
	s.SetExpiry(ginsession.ExpireAt(longAgo))
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if got := ginsessionCommand(t, nil, "", tt.args("show", s.Key())...); got.status != 1 || got.stdout != "" {
		t.Errorf("status %d, stdout:\n%s", got.status, got.stdout)
	}
}

// Keys of django_session are not hashed, and Django's records are signed.
func TestShowReadsDjangosTable(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	if err := ginsession.Migrate(tt.db, ginsession.TableName(djangoTable)); err != nil {
		t.Fatal(err)
	}
	m, err := ginsession.NewManager(ginsession.ForDjango(tt.db, ginsession.DjangoOptions{SecretKey: "s3cret"}))
	if err != nil {
		t.Fatal(err)
	}
	key := save(t, m, "_auth_user_id", "1")
	args := []string{"show", "--dsn", tt.dsn, "--table", djangoTable, key}
	got := ginsessionCommand(t, []string{"SECRET_KEY=s3cret"}, "", args...)
	if got.status != 0 || !strings.HasSuffix(got.stdout, "\n{\n  \"_auth_user_id\": \"1\"\n}\n") {
		t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
	}
	ginsessionCommand(t, nil, "", append(args, "--hash-keys=on")...).
		want(t, 2, "", "ginsession: bad configuration: HashKeys: must be Off with the table django_session: Django keeps keys as they are\n")
}

// Python writes NaN and Infinity, which JSON does not have.
func TestShowPrintsNaNAsItIsStored(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	key := save(t, tt.manager(t), "n", 1)
	if err := tt.db.Table(tt.name).Where("1 = 1").Update("session_data", `{"n":NaN}`).Error; err != nil {
		t.Fatal(err)
	}
	got := ginsessionCommand(t, nil, "", tt.args("show", key)...)
	if got.status != 0 || !strings.HasSuffix(got.stdout, "\n{\"n\":NaN}\n") {
		t.Errorf("status %d, stdout:\n%s\nstderr:\n%s", got.status, got.stdout, got.stderr)
	}
}
