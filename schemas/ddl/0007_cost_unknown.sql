-- NULL is a cost that nobody knows, 0 one that is known. Rows stored before keep what they said.
ALTER TABLE responses MODIFY COLUMN `cost_usd` Nullable(Float64);
