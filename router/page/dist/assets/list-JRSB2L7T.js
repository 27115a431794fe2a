import{p as a,q as b}from"./chunk-3ZPDMSBV.js";import"./chunk-23WWZSQE.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
