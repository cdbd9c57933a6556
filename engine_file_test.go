package ginsession_test

import (
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestFileStore(t *testing.T) {
	enginetest.Store(t, func(t *testing.T) ginsession.Store {
		return openStore(t, ginsession.Config{Engine: ginsession.File(t.TempDir())})
	})
}
