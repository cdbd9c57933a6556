package ginsession_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// fileDjango is a Django that keeps its sessions in the folder of its first argument. It carries
// out the operation of its second one and answers with JSON.
const fileDjango = `
import json, sys
from django.conf import settings
folder, operation, *args = sys.argv[1:]
settings.configure(
    SECRET_KEY="ginsession-test-secret", USE_TZ=True, SESSION_FILE_PATH=folder,
    SESSION_ENGINE="django.contrib.sessions.backends.file",
    SESSION_SERIALIZER="django.contrib.sessions.serializers.JSONSerializer")
import django
django.setup()
from django.contrib.sessions.backends.file import SessionStore

def create(expiry):
    s = SessionStore()
    s["by"] = "Django"
    if expiry != "none":
        s.set_expiry(int(expiry))
    s.save()
    return s.session_key

def read(key):
    return dict(SessionStore(key).items())

def write(key, name, value):
    s = SessionStore(key)
    s[name] = value
    s.save()

def cycle(key):
    s = SessionStore(key)
    s.cycle_key()
    s.save()
    return s.session_key

def delete(key):
    SessionStore(key).delete()

def clear():
    SessionStore.clear_expired()

print(json.dumps(globals()[operation](*args)))
`

// askDjango has a Django of its own process carry out one operation in a folder.
func askDjango[T any](t *testing.T, dir, operation string, args ...string) T {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pythonWithDjango(t), append([]string{"-c", fileDjango, dir, operation}, args...)...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("Django: %v: %s", err, &complaint)
	}
	var result T
	if err := json.Unmarshal(answer, &result); err != nil {
		t.Fatalf("Django answered %q: %v", answer, err)
	}
	return result
}

type items = map[string]any

// TestFileWithDjango shares a folder with Django, both ways.
func TestFileWithDjango(t *testing.T) {
	dir := t.TempDir()
	cfg := ginsession.ForDjango(nil, ginsession.DjangoOptions{SecretKey: testSecret, Before41: true})
	cfg.Engine = ginsession.File(dir)
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	open := func(key string) *ginsession.Session { return m.Open(t.Context(), key) }
	exists := func(key string) bool {
		t.Helper()
		ok, err := m.Exists(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	age := func(key string, by time.Duration) {
		t.Helper()
		then := time.Now().Add(-by)
		if err := os.Chtimes(filepath.Join(dir, "sessionid"+key), then, then); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("what Django writes is read", func(t *testing.T) {
		key := askDjango[string](t, dir, "create", "none")
		check(t, "items", open(key).Items(), items{"by": "Django"})
		s := open(key)
		s.Set("also by", "Gin")
		save(t, s)
		check(t, "items, to Django", askDjango[items](t, dir, "read", key), items{"by": "Django", "also by": "Gin"})
		askDjango[any](t, dir, "write", key, "again by", "Django")
		check(t, "items", open(key).Items(), items{"by": "Django", "also by": "Gin", "again by": "Django"})
	})

	t.Run("what is written is read by Django", func(t *testing.T) {
		s := open("")
		s.Set("u", "hé😀")
		s.SetExpiry(ginsession.ExpireAfter(time.Hour))
		save(t, s)
		want := items{"u": "hé😀", "_session_expiry": 3600.0}
		check(t, "items, to Django", askDjango[items](t, dir, "read", s.Key()), want)
	})

	t.Run("who ends a session ends it for both", func(t *testing.T) {
		key := askDjango[string](t, dir, "create", "none")
		check(t, "Flush", open(key).Flush(), nil)
		check(t, "items, to Django", askDjango[items](t, dir, "read", key), items{})
		key = askDjango[string](t, dir, "create", "none")
		askDjango[any](t, dir, "delete", key)
		check(t, "exists", exists(key), false)
		s := open("")
		s.Set("by", "Gin")
		save(t, s)
		next := askDjango[string](t, dir, "cycle", s.Key())
		check(t, "exists under the old key", exists(s.Key()), false)
		check(t, "items", open(next).Items(), items{"by": "Gin"})
	})

	t.Run("sessions end at one time", func(t *testing.T) {
		theirs := askDjango[string](t, dir, "create", "none")
		s := open("")
		s.Set("by", "Gin")
		save(t, s)
		for _, key := range []string{theirs, s.Key()} {
			age(key, 14*24*time.Hour-time.Minute)
			check(t, "exists", exists(key), true)
			check(t, "keys, to Django", len(askDjango[items](t, dir, "read", key)), 1)
			age(key, 14*24*time.Hour+time.Minute)
			check(t, "exists after its end", exists(key), false)
			check(t, "keys, to Django, after its end", len(askDjango[items](t, dir, "read", key)), 0)
		}
	})

	t.Run("whole seconds count from the last change", func(t *testing.T) {
		key := askDjango[string](t, dir, "create", "60")
		check(t, "exists", exists(key), true)
		age(key, time.Hour)
		check(t, "exists after its end", exists(key), false)
		checkCleared(t, m, 1)
	})

	t.Run("Django's clearsessions", func(t *testing.T) {
		s, gone := open(""), open("")
		save(t, s)
		save(t, gone)
		age(gone.Key(), 15*24*time.Hour)
		before := len(allFiles(t, dir))
		askDjango[any](t, dir, "clear")
		check(t, "exists", exists(s.Key()), true)
		check(t, "files removed", before-len(allFiles(t, dir)), 1)
		check(t, "what is left of the other", exists(gone.Key()), false)
	})
}
