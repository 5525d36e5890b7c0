"""Books and their authors, in a database in memory."""

from fastapi import FastAPI, HTTPException, Query
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.pool import StaticPool


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship()


engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
Base.metadata.create_all(engine)
with Session(engine) as session:
    for number in range(1, 31):
        session.add(Author(id=number, name=f"author {number}"))
        session.add(Book(id=number, title=f"book {number}", author_id=number))
    session.commit()

app = FastAPI(title="library", version="1.0.0")


def public(book: Book) -> dict:
    return {"id": book.id, "title": book.title, "author": book.author.name}


@app.get("/books")
def list_books(limit: int = Query(20, ge=1, le=50), offset: int = Query(0, ge=0, le=10_000)) -> list[dict]:
    with Session(engine) as session:
        found = session.query(Book).options(selectinload(Book.author)).order_by(Book.id)
        return [public(book) for book in found.limit(limit).offset(offset)]


@app.get("/books/{book_id}", responses={404: {}})
def read_book(book_id: int) -> dict:
    with Session(engine) as session:
        book = session.get(Book, book_id) if abs(book_id) < 2**63 else None
        if book is None:
            raise HTTPException(404, "no such book")
        return public(book)
