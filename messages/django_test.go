package messages_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// djangoSite is a Django that keeps its sessions in the folder of its first argument, and messages
// in them. It carries out the operation of its second one and answers with JSON. add and take do
// what a view and the middleware do.
const djangoSite = `
import json, sys
from django.conf import settings
folder, operation, *args = sys.argv[1:]
settings.configure(
    SECRET_KEY="ginsession-test-secret", USE_TZ=True, SESSION_FILE_PATH=folder, MESSAGE_LEVEL=10,
    SESSION_SERIALIZER="django.contrib.sessions.serializers.JSONSerializer")
import django
django.setup()
from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.backends.file import SessionStore
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeData, mark_safe

def open_storage(key):
    request = HttpRequest()
    request.session = SessionStore(key or None)
    return request.session, SessionStorage(request)

def add(key, messages):
    session, storage = open_storage(key)
    for level, text, tags, safe in json.loads(messages):
        storage.add(level, mark_safe(text) if safe else text, extra_tags=tags)
    storage.update(HttpResponse())
    session.save()
    return session.session_key

def take(key):
    session, storage = open_storage(key)
    taken = [[m.level, m.message, m.extra_tags or "", isinstance(m.message, SafeData)] for m in storage]
    storage.update(HttpResponse())
    session.save()
    return taken

def value(key):
    return SessionStore(key).get("_messages")

print(json.dumps(globals()[operation](*args)))
`

// askDjango has a Django of its own process carry out one operation in a folder.
func askDjango[T any](t *testing.T, dir, operation string, args ...string) T {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pythonWithDjango(t), append([]string{"-c", djangoSite, dir, operation}, args...)...)
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

// pythonWithDjango skips the test if there is none, and fails it in CI.
func pythonWithDjango(t *testing.T) string {
	t.Helper()
	for _, python := range []string{os.Getenv("PYTHON"), "/usr/bin/python3", "python3"} {
		if python != "" && exec.CommandContext(t.Context(), python, "-c", "import django; django.VERSION").Run() == nil {
			return python
		}
	}
	const reason = "no Python with Django: run the tests with make test, or install python3-django"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip("SKIPPED: " + reason)
	return ""
}

// row is a message as djangoSite knows it: level, text, extra_tags, whether it is safe HTML.
type row = [4]any

func rows(all ...row) string {
	text, _ := json.Marshal(all)
	return string(text)
}

// TestWithDjango shares messages with a real Django, both ways.
func TestWithDjango(t *testing.T) {
	dir := t.TempDir()
	cfg := ginsession.ForDjango(nil, ginsession.DjangoOptions{SecretKey: secretKey})
	cfg.Engine = ginsession.File(dir)
	m := newManager(t, cfg)

	t.Run("Django's messages are taken", func(t *testing.T) {
		key := askDjango[string](t, dir, "add", "", rows(
			row{25, "Saved.", "", false},
			row{40, "hé😀 \"\\ </b>\u2028\x7f", "big red", false},
			row{35, "<b>bold</b>", "", true},
		))
		s := m.Open(t.Context(), key)
		check(t, "Take", messages.Take(s), []messages.Message{
			{Level: messages.Success, Text: "Saved."},
			{Level: messages.Error, Text: "hé😀 \"\\ </b>\u2028\x7f", Tags: []string{"big", "red"}},
			{Level: 35, Text: "<b>bold</b>", HTML: true},
		})
		save(t, s)
		check(t, "what Django takes then", askDjango[[]row](t, dir, "take", key), []row{})
		check(t, "the value", askDjango[any](t, dir, "value", key), nil)
	})

	t.Run("Django takes ours", func(t *testing.T) {
		s := m.Open(t.Context(), "")
		add(t, s, messages.Success, "Saved.")
		add(t, s, messages.Debug, "hé😀 \"\\ </b>\u2028\x7f", "big", "red")
		key := save(t, s)
		check(t, "what Django takes", askDjango[[]row](t, dir, "take", key), []row{
			{25.0, "Saved.", "", false},
			{10.0, "hé😀 \"\\ </b>\u2028\x7f", "big red", false},
		})
		check(t, "Take", messages.Take(m.Open(t.Context(), key)), nil)
	})

	t.Run("both write the same bytes", func(t *testing.T) {
		s := m.Open(t.Context(), "")
		add(t, s, messages.Success, "Saved.")
		add(t, s, messages.Info, "hé😀 \"\\ </b>&'\u2028\x7f\x00\t\n", "a", "b")
		key := askDjango[string](t, dir, "add", "", rows(
			row{25, "Saved.", "", false},
			row{20, "hé😀 \"\\ </b>&'\u2028\x7f\x00\t\n", "a b", false},
		))
		check(t, "the value", s.Get("_messages"), askDjango[any](t, dir, "value", key))
	})

	t.Run("both add to one list", func(t *testing.T) {
		key := askDjango[string](t, dir, "add", "", rows(row{20, "<i>one</i>", "", true}))
		s := m.Open(t.Context(), key)
		add(t, s, messages.Info, "two")
		save(t, s)
		askDjango[string](t, dir, "add", key, rows(row{20, "three", "", false}))
		check(t, "what Django takes", askDjango[[]row](t, dir, "take", key), []row{
			{20.0, "<i>one</i>", "", true}, {20.0, "two", "", false}, {20.0, "three", "", false},
		})
	})
}
