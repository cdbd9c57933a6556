package ginsession_test

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/testsite"
)

// TestMain fails the run if what the tests have logged has a session key, a cookie's value or the like.
// This is about the program's own logs; testsite looks at those of its sites.
func TestMain(m *testing.M) {
	var book testsite.Log
	gin.DefaultWriter = io.MultiWriter(gin.DefaultWriter, &book)
	gin.DefaultErrorWriter = io.MultiWriter(gin.DefaultErrorWriter, &book)
	log.SetOutput(io.MultiWriter(os.Stderr, &book))
	slog.SetDefault(slog.New(slog.NewTextHandler(io.MultiWriter(os.Stderr, &book), nil)))
	status := m.Run()
	if secret := testsite.FindSecret(book.All()); secret != "" {
		fmt.Fprintf(os.Stderr, "FAIL: %q is in the log\n", secret)
		status = 1
	}
	os.Exit(status)
}
