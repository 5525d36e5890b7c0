// Books and their authors, in PostgreSQL.
package main

import (
	"database/sql"
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	_ "github.com/lib/pq"
)

const schema = `
CREATE TABLE IF NOT EXISTS authors (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE IF NOT EXISTS books (id serial PRIMARY KEY, title text NOT NULL, author_id integer NOT NULL REFERENCES authors (id));`

type book struct {
	ID     int    `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"`
	author int
}

func list(db *sql.DB) ([]book, error) {
	rows, err := db.Query("SELECT b.id, b.title, b.author_id, a.name FROM books b JOIN authors a ON a.id = b.author_id ORDER BY b.id LIMIT 50")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	books := []book{}
	for rows.Next() {
		var one book
		if err := rows.Scan(&one.ID, &one.Title, &one.author, &one.Author); err != nil {
			return nil, err
		}
		books = append(books, one)
	}
	return books, rows.Err()
}

func main() {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec(schema); err != nil {
		log.Fatal(err)
	}
	engine := gin.Default()
	engine.GET("/books", func(c *gin.Context) {
		books, err := list(db)
		if err != nil {
			c.JSON(http.StatusInternalServerError, gin.H{"error": "the database does not answer"})
			return
		}
		c.JSON(http.StatusOK, books)
	})
	engine.GET("/health", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	log.Fatal(engine.Run(":" + os.Getenv("PORT")))
}
