package enginetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The suites are run, in processes of their own, against stores that break one rule each, and
// must find it in the subtest of that rule.

func TestStoreFindsFaults(t *testing.T) {
	for fault, broken := range storeFaults {
		t.Run(fault, func(t *testing.T) { findsFault(t, "TestFaultyStore", fault, broken.rule) })
	}
}

func TestEngineFindsFaults(t *testing.T) {
	for fault, rule := range engineFaults {
		t.Run(fault, func(t *testing.T) { findsFault(t, "TestFaultyEngine", fault, rule) })
	}
}

func findsFault(t *testing.T, suite, fault, rule string) {
	t.Parallel()
	subtest := strings.ReplaceAll(rule, " ", "_")
	// Sequences that show a fault are rare: with rapid's 100 a run in many would miss one.
	run := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^"+suite+"$/^"+subtest+"$", "-rapid.nofailfile", "-rapid.checks=10000")
	run.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", faultVariable+"="+fault)
	output, err := run.CombinedOutput()
	if err == nil || !bytes.Contains(output, []byte("--- FAIL: "+suite+"/"+subtest)) {
		t.Errorf("the rule %q found nothing where %s: %v\n%s", rule, fault, err, output)
	}
}

const faultVariable = "ENGINETEST_FAULT"

// TestFaultyStore is what TestStoreFindsFaults runs.
func TestFaultyStore(t *testing.T) {
	if store := faultyStore(); store != nil {
		enginetest.Store(t, func(*testing.T) ginsession.Store { return store(testsite.NewStore()) })
	}
}

// TestFaultyEngine is what TestEngineFindsFaults runs.
func TestFaultyEngine(t *testing.T) {
	if store := faultyStore(); store != nil {
		enginetest.Engine(t, func(*testing.T) ginsession.Engine { return ginsession.Custom(store(testsite.NewStore())) })
	}
}

// faultyStore makes the store that the process was started for; nil in an ordinary run.
func faultyStore() func(*testsite.Store) ginsession.Store {
	return storeFaults[os.Getenv(faultVariable)].store
}

// engineFaults are the rules of the suite for engines that find what is wrong with a store.
var engineFaults = map[string]string{
	"update brings a deleted record back":                 "a request that outlives its session revives nothing",
	"update writes f(prev) whatever is stored":            "requests at once lose nothing of each other's",
	"update reads and writes without a lock":              "no concurrent Modify is lost",
	"update checks for the record first and upserts then": "a sign-out among many requests stays",
	"touch inserts":                     "a request that outlives its session revives nothing",
	"touch does nothing":                "a session that is extended lives on",
	"replace copies":                    "the key of an ended session opens nothing",
	"several replaces win":              "a sign-in that is sent twice revives nothing",
	"expiry is judged by another clock": "a session ends with its expiry",
	"delete does nothing":               "the key of an ended session opens nothing",
	"clearing removes live records":     "clearing leaves what lives",
}

// storeFaults are stores that break a rule of the suite, and the rule.
var storeFaults = map[string]struct {
	rule  string
	store func(*testsite.Store) ginsession.Store
}{
	"update brings a deleted record back": {
		"an absent key",
		func(s *testsite.Store) ginsession.Store { return upserting{s} },
	},
	"update writes f(prev) whatever is stored": {
		"update merges with what another writer stored",
		func(s *testsite.Store) ginsession.Store { return overwriting{s} },
	},
	"update reads and writes without a lock": {
		"no concurrent increment is lost",
		func(s *testsite.Store) ginsession.Store { return unlocked{s} },
	},
	"different parts are written without a lock": {
		"concurrent updates of different parts all survive",
		func(s *testsite.Store) ginsession.Store { return unlocked{s} },
	},
	"update compares like a collation": {
		"update compares byte for byte",
		func(s *testsite.Store) ginsession.Store { return folding{s} },
	},
	"update checks for the record first and upserts then": {
		"deletion wins over updates and touches",
		func(s *testsite.Store) ginsession.Store { return checkingFirst{s} },
	},
	"create overwrites": {
		"create inserts and never overwrites",
		func(s *testsite.Store) ginsession.Store { return creatingOver{s} },
	},
	"create checks first and overwrites then": {
		"one of many concurrent creates wins",
		func(s *testsite.Store) ginsession.Store { return creatingOver{s} },
	},
	"touch revives": {
		"an expired record is absent",
		func(s *testsite.Store) ginsession.Store { return reviving{s} },
	},
	"touch writes back the data it has read": {
		"no concurrent increment is lost",
		func(s *testsite.Store) ginsession.Store { return touchingAll{s} },
	},
	"replace copies": {
		"replace moves the record",
		func(s *testsite.Store) ginsession.Store { return copying{s} },
	},
	"several replaces win": {
		"one of many concurrent replaces wins",
		func(s *testsite.Store) ginsession.Store { return copying{s} },
	},
	"replace moves the record it has read": {
		"an update beside a replace is moved along or refused",
		func(s *testsite.Store) ginsession.Store { return unlocked{s} },
	},
	"touch inserts": {
		"an absent key",
		func(s *testsite.Store) ginsession.Store { return inserting{s} },
	},
	"touch does nothing": {
		"touch moves the expiry only",
		func(s *testsite.Store) ginsession.Store { return inert{s} },
	},
	"delete does nothing": {
		"delete removes for good",
		func(s *testsite.Store) ginsession.Store { return inert{s} },
	},
	"expiry is judged by another clock": {
		"expiry is judged by the time that is given",
		func(s *testsite.Store) ginsession.Store { return otherClock{s} },
	},
	"expiry is kept without its zone": {
		"dates are moments, whatever their zone",
		func(s *testsite.Store) ginsession.Store { return zoneless{s} },
	},
	"load returns expired records": {
		"any sequence of calls does what it does to a map",
		func(s *testsite.Store) ginsession.Store { return undying{s} },
	},
	"a mutation's error is wrapped": {
		"an error of the mutation is returned and nothing is written",
		func(s *testsite.Store) ginsession.Store { return wrapping{s} },
	},
	"an error names the key": {
		"an absent key",
		func(s *testsite.Store) ginsession.Store { return telling{s} },
	},
	"a panic leaves the lock behind": {
		"a panic of the mutation leaves no lock behind",
		func(s *testsite.Store) ginsession.Store { return locking{s, make(chan struct{}, 1)} },
	},
	"spaces at the end are lost": {
		"any ASCII text is data",
		func(s *testsite.Store) ginsession.Store { return trimming{s} },
	},
	"data is changed in place": {
		"slices are left alone",
		func(s *testsite.Store) ginsession.Store { return inPlace{s} },
	},
	"the context is ignored": {
		"a context that is over is an error",
		func(s *testsite.Store) ginsession.Store { return deaf{s} },
	},
	"a goroutine stays behind": {
		"no goroutine stays behind",
		func(s *testsite.Store) ginsession.Store { return leaking{s} },
	},
	"clearing removes live records": {
		"clearing removes what has expired and nothing else",
		func(s *testsite.Store) ginsession.Store { return clearingAhead{s} },
	},
	"clearing knows no batches": {
		"clearing works in batches and reports its progress",
		func(s *testsite.Store) ginsession.Store { return clearingAtOnce{s} },
	},
	"clearing goes on": {
		"clearing stops with its context",
		func(s *testsite.Store) ginsession.Store { return clearingOn{s} },
	},
	"clearing counts what another cleaner removed": {
		"cleaners at once count each record once",
		func(s *testsite.Store) ginsession.Store { return clearingTwice{s} },
	},
	"clearing does not look again": {
		"a record that is extended beside a cleaner survives",
		func(s *testsite.Store) ginsession.Store { return clearingTwice{s} },
	},
}

type upserting struct{ *testsite.Store }

func (s upserting) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	r, err := s.Store.Update(ctx, key, prev, now, f)
	if errors.Is(err, ginsession.ErrNotFound) {
		if r, err = f(prev); err == nil {
			err = s.Create(ctx, key, r, now)
		}
	}
	return r, err
}

type overwriting struct{ *testsite.Store }

func (s overwriting) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Store.Update(ctx, key, prev, now, func(ginsession.Record) (ginsession.Record, error) { return f(prev) })
}

type unlocked struct{ *testsite.Store }

func (s unlocked) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Replace(ctx, key, key, prev, now, f)
}

func (s unlocked) Replace(ctx context.Context, oldKey, newKey string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	current, err := s.Load(ctx, oldKey, now)
	if err != nil {
		return current, err
	}
	next, err := f(current)
	if err != nil {
		return next, err
	}
	letOthersIn()
	return s.Store.Replace(ctx, oldKey, newKey, current, now, func(ginsession.Record) (ginsession.Record, error) { return next, nil })
}

// letOthersIn makes a race that a store loses now and then one that it loses at once.
func letOthersIn() { <-time.After(time.Millisecond) }

type folding struct{ *testsite.Store }

func (s folding) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Store.Update(ctx, key, prev, now, func(current ginsession.Record) (ginsession.Record, error) {
		if strings.EqualFold(string(current.Data), string(prev.Data)) {
			return f(prev)
		}
		return f(current)
	})
}

type checkingFirst struct{ *testsite.Store }

func (s checkingFirst) Update(ctx context.Context, key string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	current, err := s.Load(ctx, key, now)
	if err != nil {
		return current, err
	}
	next, err := f(current)
	letOthersIn()
	s.PutRecord(key, next)
	return next, err
}

type creatingOver struct{ *testsite.Store }

func (s creatingOver) Create(_ context.Context, key string, r ginsession.Record, _ time.Time) error {
	letOthersIn()
	s.PutRecord(key, r)
	return nil
}

type reviving struct{ *testsite.Store }

func (s reviving) Touch(ctx context.Context, key string, expires, _ time.Time) error {
	return s.Store.Touch(ctx, key, expires, time.Time{})
}

type inserting struct{ *testsite.Store }

func (s inserting) Touch(ctx context.Context, key string, expires, now time.Time) error {
	err := s.Store.Touch(ctx, key, expires, now)
	if errors.Is(err, ginsession.ErrNotFound) {
		err = s.Create(ctx, key, ginsession.Record{Data: []byte("{}"), Expires: expires}, now)
	}
	return err
}

type inert struct{ *testsite.Store }

func (inert) Touch(context.Context, string, time.Time, time.Time) error { return nil }
func (inert) Delete(context.Context, string) error                      { return nil }

type touchingAll struct{ *testsite.Store }

func (s touchingAll) Touch(ctx context.Context, key string, expires, now time.Time) error {
	current, err := s.Load(ctx, key, now)
	if err != nil {
		return err
	}
	letOthersIn()
	current.Expires = expires
	_, err = s.Update(ctx, key, current, now, func(ginsession.Record) (ginsession.Record, error) { return current, nil })
	return err
}

type copying struct{ *testsite.Store }

func (s copying) Replace(ctx context.Context, oldKey, newKey string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	current, err := s.Load(ctx, oldKey, now)
	if err != nil {
		return current, err
	}
	next, err := f(current)
	if err != nil {
		return next, err
	}
	return next, s.Create(ctx, newKey, next, now)
}

type otherClock struct{ *testsite.Store }

func (s otherClock) Load(ctx context.Context, key string, _ time.Time) (ginsession.Record, error) {
	return s.Store.Load(ctx, key, time.Now())
}

type zoneless struct{ *testsite.Store }

func (s zoneless) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	year, month, day := r.Expires.Date()
	hour, minute, second := r.Expires.Clock()
	r.Expires = time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return s.Store.Create(ctx, key, r, now)
}

type undying struct{ *testsite.Store }

func (s undying) Load(ctx context.Context, key string, _ time.Time) (ginsession.Record, error) {
	return s.Store.Load(ctx, key, time.Time{})
}

type wrapping struct{ *testsite.Store }

func (s wrapping) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	r, err := s.Store.Update(ctx, key, prev, now, f)
	if err != nil && !errors.Is(err, ginsession.ErrNotFound) {
		err = fmt.Errorf("update: %w", err)
	}
	return r, err
}

type telling struct{ *testsite.Store }

func (s telling) Touch(ctx context.Context, key string, expires, now time.Time) error {
	if err := s.Store.Touch(ctx, key, expires, now); err != nil {
		return fmt.Errorf("touching %s: %w", key, err)
	}
	return nil
}

type locking struct {
	*testsite.Store
	lock chan struct{}
}

func (s locking) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return prev, ctx.Err()
	}
	r, err := s.Store.Update(ctx, key, prev, now, f)
	<-s.lock
	return r, err
}

type trimming struct{ *testsite.Store }

func (s trimming) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	r.Data = []byte(strings.TrimRight(string(r.Data), " "))
	return s.Store.Create(ctx, key, r, now)
}

type inPlace struct{ *testsite.Store }

func (s inPlace) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Store.Update(ctx, key, prev, now, func(current ginsession.Record) (ginsession.Record, error) {
		next, err := f(current)
		copy(current.Data, next.Data)
		return next, err
	})
}

type deaf struct{ *testsite.Store }

func (s deaf) Load(_ context.Context, key string, now time.Time) (ginsession.Record, error) {
	return s.Store.Load(context.Background(), key, now)
}

type leaking struct{ *testsite.Store }

func (s leaking) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	go func() { <-make(chan struct{}) }()
	return s.Store.Load(ctx, key, now)
}

type clearingAhead struct{ *testsite.Store }

func (s clearingAhead) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	return s.Store.ClearExpired(ctx, now.Add(2*time.Hour), o)
}

type clearingAtOnce struct{ *testsite.Store }

func (s clearingAtOnce) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	o.BatchSize = 5000
	return s.Store.ClearExpired(ctx, now, o)
}

type clearingOn struct{ *testsite.Store }

func (s clearingOn) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	return s.Store.ClearExpired(context.WithoutCancel(ctx), now, o)
}

type clearingTwice struct{ *testsite.Store }

func (s clearingTwice) ClearExpired(ctx context.Context, now time.Time, _ ginsession.ClearOptions) (int64, error) {
	expired := slices.DeleteFunc(s.Keys(), func(key string) bool { return s.Record(key).Expires.After(now) })
	letOthersIn()
	for _, key := range expired {
		if err := s.Delete(ctx, key); err != nil {
			return 0, err
		}
	}
	return int64(len(expired)), nil
}
