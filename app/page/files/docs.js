// Swagger UI would send one form's fields as the next form's body.
const forgetBody = (original, { oas3Actions }) => (change) => {
  original(change);
  if (change.pathMethod) oas3Actions.setRequestBodyValue({ ...change, value: undefined });
};

const ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [
    { statePlugins: { oas3: { wrapActions: { setRequestContentType: forgetBody } } } },
  ],
  onComplete: () => {
    if (!location.hash) ui.layoutActions.show(["operations", "detect", "detect"], true);
  },
});
