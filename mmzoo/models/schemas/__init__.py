"""The schemas of models, without Keras: their data sets and devices read them too."""
