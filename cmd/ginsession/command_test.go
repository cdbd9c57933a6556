package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	overview := ginsessionCommand(t, nil, "", "help")
	overview.wantSuccess(t)
	golden(t, "help", overview.stdout)
	for _, spelling := range []string{"-h", "-help", "--help"} {
		ginsessionCommand(t, nil, "", spelling).want(t, 0, overview.stdout, "")
	}
	for _, c := range commands() {
		help := ginsessionCommand(t, nil, "", "help", c.name)
		help.wantSuccess(t)
		golden(t, "help_"+c.name, help.stdout)
		for line := range strings.Lines(help.stdout) {
			if len(line) > 81 {
				t.Errorf("help %s has a line of %d columns, more than a terminal has: %s", c.name, len(line)-1, line)
			}
		}
		ginsessionCommand(t, nil, "", c.name, "--help").want(t, 0, help.stdout, "")
		if strings.Contains(help.stdout, "  --table ") {
			ginsessionCommand(t, nil, "", c.name, "--table", "x", "-h").want(t, 0, help.stdout, "")
		}
	}
}

func TestWrongCommandLineSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		line   string
		stderr string // what it begins with
	}{
		{"", "ginsession: which command?\nUsage: ginsession COMMAND [flags]\n"},
		{"clearsesions", "ginsession: there is no command \"clearsesions\"\nDid you mean \"ginsession clearsessions\"?\n"},
		{"clear", "ginsession: there is no command \"clear\"\nDid you mean \"ginsession clearsessions\"?\n"},
		{"stat", "ginsession: there is no command \"stat\"\nDid you mean \"ginsession stats\"?\n"},
		{"frobnicate", "ginsession: there is no command \"frobnicate\"\nRun \"ginsession help\" for the list of commands.\n"},
		{"help frobnicate", "ginsession: there is no command \"frobnicate\"\nRun \"ginsession help\" for the list of commands.\n"},
		{"--dsn sqlite:app.db stats", "ginsession: the command comes first, then its flags\nWrite \"ginsession COMMAND [flags]\", or run \"ginsession help\".\n"},
		{"stats --frob", "ginsession: stats: flag provided but not defined: -frob\nRun \"ginsession help stats\" for its flags and for examples.\n"},
		{"stats now", "ginsession: stats takes no argument, but was given \"now\"\nRun \"ginsession help stats\""},
		{"clearsessions --batch=0", "ginsession: --batch must be 1 to 5000\n"},
		{"clearsessions --batch=5001", "ginsession: --batch must be 1 to 5000\n"},
		{"clearsessions --batch=many", "ginsession: clearsessions: invalid value \"many\" for flag -batch: parse error\n"},
		{"clearsessions --pause=-1s", "ginsession: --pause must not be negative\n"},
		{"stats --time-zone Mars", "ginsession: --time-zone: there is no time zone \"Mars\"\nName it like Europe/Paris.\n"},
		{"show", "ginsession: show takes one key\nWrite \"ginsession show KEY\", or \"ginsession show -\" to read the key from standard input.\n"},
		{"show a b", "ginsession: show takes one key\n"},
		{"show k --hash-keys=maybe", "ginsession: --hash-keys is neither on nor off\nWrite --hash-keys=on or --hash-keys=off.\n"},
		{"stats", "ginsession: which database? Set DATABASE_URL or use --dsn\nA DSN is sqlite:app.db, "},
		{"stats --dsn app.db", "ginsession: the DSN does not say what kind of database it is\nA DSN is sqlite:app.db, "},
		{"stats --dsn oracle://db", "ginsession: the DSN's kind of database is unknown\nA DSN is sqlite:app.db, "},
		{"migrate --dsn sqlite:", "ginsession: the DSN names no file\n"},
		{"migrate --dsn sqlite::memory:", "ginsession: the DSN names no file\n"},
		{"migrate --dsn sqlite:///app.db", "ginsession: sqlite:// is read differently by different programs\n"},
		{"migrate --dsn sqlite:app.db?a=%zz", "ginsession: the DSN's parameters cannot be read\nPercent-encode special characters: "},
		{"stats --dsn mysql://root@localhost", "ginsession: the DSN names no database\n"},
		{"stats --dsn mysql://root@localhost/db?timeout=soon", "ginsession: the DSN's parameter timeout cannot be used\n"},
		{"stats --dsn postgres://root@localhost:port/db", "ginsession: the DSN is not a URL\n"},
		{"stats --engine postgres", "ginsession: --engine: there is no engine \"postgres\"\nWrite one of db, file, cache, cached_db, signed_cookies.\n"},
		{"stats --dir d", "ginsession: --dir has no effect with --engine=db, which keeps sessions in a table of a database\nIt is for --engine=file.\n"},
		{"show k --engine db --cache redis://c", "ginsession: --cache has no effect with --engine=db, which keeps sessions in a table of a database\nIt is for --engine=cache|cached_db.\n"},
		{"clearsessions --engine file --dir d --table t", "ginsession: --table has no effect with --engine=file, which keeps sessions in files\nIt is for --engine=db|cached_db.\n"},
		{"clearsessions --engine cache --dsn sqlite:app.db", "ginsession: --dsn has no effect with --engine=cache, which keeps sessions in a cache\nIt is for --engine=db|cached_db.\n"},
		{"stats --engine signed_cookies --cookie-name n", "ginsession: --cookie-name has no effect with --engine=signed_cookies, which keeps sessions in the cookies themselves\n"},
		{"stats --engine cached_db --time-zone Asia/Tokyo", "ginsession: --time-zone has no effect with --engine=cached_db, which keeps sessions in a table of a database, with copies in a cache\nIt is for --engine=db|file|signed_cookies.\n"},
		{"stats --cookie-age 1h", "ginsession: --cookie-age has no effect with --engine=db, which"},
		{"migrate --engine file --table t", "ginsession: --table has no effect with --engine=file, which"},
		{"stats --engine file", "ginsession: which folder? Use --dir\nName the one that the site gives to ginsession.File.\n"},
		{"show k --engine cache", "ginsession: which cache? Set CACHE_URL or use --cache\nA cache is redis://"},
		{"show k --engine cache --cache memory", "ginsession: the cache \"memory\" is inside the site's own process, and no other program can read it\nA cache is redis://"},
		{"show k --engine cache --cache localhost:6379", "ginsession: the cache's URL does not say what kind of cache it is\nA cache is redis://"},
		{"show k --engine cache --cache http://cache", "ginsession: the kind of cache is unknown\nA cache is redis://"},
		{"stats --engine cached_db --cache memory", "ginsession: the cache \"memory\" is inside the site's own process"},
	} {
		t.Run(test.line, func(t *testing.T) {
			got := ginsessionCommand(t, nil, "", strings.Fields(test.line)...)
			if got.status != 2 || got.stdout != "" || !strings.HasPrefix(got.stderr, test.stderr) {
				t.Errorf("status %d, stdout %q, stderr:\n%s\nwant status 2 and\n%s", got.status, got.stdout, got.stderr, test.stderr)
			}
		})
	}
}

func TestUnreachableDatabase(t *testing.T) {
	for dsn, stderr := range map[string]string{
		"postgres://u@127.0.0.1:1/db": "ginsession: cannot connect to PostgreSQL at 127.0.0.1:1: ",
		"mysql://u@127.0.0.1:1/db":    "ginsession: cannot connect to MySQL at 127.0.0.1:1: ",
	} {
		got := ginsessionCommand(t, nil, "", "stats", "--dsn", dsn)
		const next = "\nIs the database running, and is the DSN right?\n"
		if got.status != 1 || !strings.HasPrefix(got.stderr, stderr) || !strings.HasSuffix(got.stderr, next) {
			t.Errorf("%s: status %d, stderr:\n%s", dsn, got.status, got.stderr)
		}
	}
}

func TestMissingFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "typo.db")
	for _, line := range [][]string{{"stats"}, {"clearsessions"}, {"clearsessions", "--dry-run"}, {"show", "k"}} {
		got := ginsessionCommand(t, []string{"DATABASE_URL=sqlite:" + file}, "", line...)
		got.want(t, 1, "", "ginsession: there is no file "+file+"\nCheck --dsn or DATABASE_URL. \"ginsession migrate\" would create the file.\n")
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(files) > 0 {
		t.Errorf("made %v", files)
	}
	folder := filepath.Dir(file)
	ginsessionCommand(t, nil, "", "stats", "--dsn", "sqlite:"+folder).
		want(t, 1, "", "ginsession: "+folder+" is a folder\nName the database file in it.\n")
}

func TestMissingTable(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		for _, line := range [][]string{{"stats"}, {"clearsessions"}, {"show", "k"}} {
			args := append(line, "--dsn", tt.dsn, "--table", "t_missing")
			ginsessionCommand(t, nil, "", args...).want(t, 1, "", "ginsession: there is no table t_missing in this database\n"+
				"Name another one with --table, or create it with \"ginsession migrate\".\n")
		}
	})
}

func TestTableWithoutTheColumnsOfSessions(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		if err := tt.db.Exec("ALTER TABLE " + tt.name + " RENAME COLUMN session_data TO payload").Error; err != nil {
			t.Fatal(err)
		}
		got := ginsessionCommand(t, nil, "", tt.args("stats")...)
		if got.status != 1 || !strings.HasPrefix(got.stderr, "ginsession: cannot read the table "+tt.name+": ") {
			t.Errorf("status %d, stderr:\n%s", got.status, got.stderr)
		}
	})
}
