package ginsession_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/textdate"
)

// TestDBEndsAtTheSecond has sessions end at the very second of their expire_date, whoever wrote it.
func TestDBEndsAtTheSecond(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		store := openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(table))})
		if err := store.Create(t.Context(), "own", ginsession.Record{Data: []byte("{}"), Expires: start}, start); err != nil {
			t.Fatal(err)
		}
		zone := map[string]string{"postgres": "+00"}[db.Name()]
		for key, fraction := range map[string]string{"django": "", "earlier": ".000000"} {
			dbExec(t, db, "INSERT INTO "+table+" (session_key, session_data, expire_date) VALUES (?, '{}', ?)",
				key, start.Format("2006-01-02 15:04:05")+fraction+zone)
		}
		for _, key := range []string{"own", "django", "earlier"} {
			for _, c := range []struct {
				now  time.Time
				want error
			}{
				{start.Add(-time.Microsecond), nil},
				{start.Add(-time.Second), nil},
				{start, ginsession.ErrNotFound},
				{start.Add(time.Microsecond), ginsession.ErrNotFound},
			} {
				_, err := store.Load(t.Context(), key, c.now)
				check(t, fmt.Sprintf("the row %s at %v", key, c.now), err, c.want)
			}
		}
	})
}

// TestDBDatesAreDjangos compares a row with one that Django has written in the same second.
func TestDBDatesAreDjangos(t *testing.T) {
	file := filepath.Join(t.TempDir(), "django.db")
	script := fmt.Sprintf(`
import datetime, django
from django.conf import settings
from django.core.management import call_command
settings.configure(INSTALLED_APPS=["django.contrib.sessions"], USE_TZ=True, TIME_ZONE="UTC",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %q}})
django.setup()
call_command("migrate", verbosity=0)
from django.contrib.sessions.models import Session
for key, microsecond in ("whole", 0), ("fraction", 500):
    Session.objects.create(session_key=key, session_data="", expire_date=datetime.datetime(
        2026, 11, 23, 4, 45, 0, microsecond, tzinfo=datetime.timezone.utc))
`, file)
	if output, err := exec.CommandContext(t.Context(), pythonWithDjango(t), "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("Django: %v\n%s", err, output)
	}
	db := openDB(t, sqlite.Open(sqliteDSN(file)))
	for key, date := range map[string]time.Time{"whole": start, "fraction": start.Add(500 * time.Microsecond)} {
		var text string
		db.Raw("SELECT CAST(expire_date AS TEXT) FROM django_session WHERE session_key = ?", key).Scan(&text)
		check(t, "Django's date", strings.TrimSpace(text), textdate.Format(date))
	}
}
