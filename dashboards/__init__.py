"""Live Streamlit dashboards over the warehouse."""
