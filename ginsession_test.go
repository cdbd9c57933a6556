package ginsession_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/ginsession/ginsession"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func TestSmoke(t *testing.T) {
	gin.SetMode(gin.TestMode)
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "x.db")), &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1)
		c.JSON(200, gin.H{"visits": n + 1})
	})
	srv := httptest.NewTLSServer(r)
	defer srv.Close()
	client := srv.Client()
	client.Jar, _ = cookiejar.New(nil)
	for i := range 3 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		fmt.Println(i, string(b), resp.Header)
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
	}
	var rows []map[string]any
	db.Table("gin_session").Find(&rows)
	fmt.Println(rows)
	var sqls []string
	db.Raw("select sql from sqlite_master").Scan(&sqls)
	fmt.Println(sqls)
}
